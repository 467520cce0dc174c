// make_plan(): on which machines a model can be served for so many people, how fast, and for how
// much; the cheapest that does it first.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/memory_need.h"
#include "plan/catalogue.h"
#include "plan/queueing.h"
#include "plan/speed.h"

namespace puna::plan {

inline constexpr int kReplicasMax = 10000;

struct PlanRequest {
  std::string model_name;
  LlamaConfig config;
  std::shared_ptr<const WeightSource> weights;
  int64_t context = 0;
  int streams_max = 64;                     // --max-num-seqs
  Workload workload;                        // its users are all of them, at the peak
  std::optional<double> tokens_per_second;  // wanted instead of users
  double ttft_limit = 0;                    // seconds, for 95 of 100 requests
  double tpot_limit = 0;
  std::optional<double> budget_month;
  std::string on;  // "inf2", "trn1", "gpu", "cpu", "here"; empty: anything that is rented
  std::string region;
  std::optional<WeightFormat> format;  // only this one
  std::optional<Instance> here;        // this machine, measured
};

// A tensor parallel degree on one machine and why it is none; empty: it is one.
struct DegreeVerdict {
  int degree = 1;
  bool divides = true;  // the heads
  std::string refusal;
  std::string note;
};
std::vector<DegreeVerdict> degree_verdicts(const PlanRequest& request, const Instance& instance,
                                           WeightFormat format);

// One way to serve the model.
struct PlanOption {
  Instance instance;
  WeightFormat format = WeightFormat::kBf16;
  DegreeVerdict degree;
  MemoryNeed need;           // of one replica, with `streams` of the whole context
  int64_t memory_bytes = 0;  // that it may take
  int streams = 0;
  int replicas_per_instance = 1;
  int replicas = 1;
  int instances = 1;
  double users_max = 0;       // of one replica, in time
  double throughput_max = 0;  // tokens a second of one replica, all streams taken
  double alone_ttft = 0;      // seconds, of one user alone
  double alone_tpot = 0;
  Forecast at_peak;  // of one replica
  std::string limited_by;
  std::string misses;  // what it does not keep; empty: nothing
  Origin origin = Origin::kRoofline;
  std::vector<Figure> figures;  // of this model on this machine

  double hour() const;  // $, of all instances with their disks
  double month() const { return hour() * kHoursAMonth; }
  double million_tokens() const;  // $ of so many, when all streams are taken
  double disk_hour = 0;           // $ of one instance
};

struct Refusal {
  std::string instance;
  std::string reason;
};

struct Plan {
  std::vector<PlanOption> options;  // the best of each instance that has the memory; best first
  std::vector<Refusal> refused;
  std::vector<DegreeVerdict> degrees;  // of the first option's machine

  bool has_choice() const { return !options.empty() && options.front().misses.empty(); }
};

// kInvalidArgument: numbers that cannot be, a region that is not known or lacks what `on` says.
Result<Plan> make_plan(const PlanRequest& request, const Catalogue& catalogue);

// Speeds of one replica for the queueing model, and of single tests.
SpeedModel speed_of(const PlanRequest& request, const Device& device, WeightFormat format,
                    int degree);

}  // namespace puna::plan

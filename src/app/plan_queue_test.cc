// The planner's forecast beside the engine's scheduler: the same users, prompts, lengths and step
// times, played step by step in simulated time. Percentiles may differ by a fifth.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <queue>
#include <random>
#include <vector>

#include "engine/scheduler.h"
#include "plan/queueing.h"

namespace puna {
namespace {

// A step of base + row * rows + prompt * prompt tokens, in seconds.
struct Machine {
  double base = 0;
  double row = 0;
  double prompt = 0;
  int streams = 16;
};

plan::BatchSpeed speed_of(const Machine& machine, const plan::Workload& workload) {
  plan::BatchSpeed speed;
  speed.prompt_steps = static_cast<int>(std::ceil(workload.prompt_tokens / 512));
  for (int rows = 0; rows <= machine.streams; ++rows) {
    speed.step_seconds.push_back(machine.base + machine.row * rows);
    speed.prompt_seconds.push_back(speed.prompt_steps * speed.step_seconds.back() +
                                   machine.prompt * workload.prompt_tokens);
  }
  return speed;
}

struct Percentiles {
  double ttft = 0;
  double tpot = 0;
  double answer = 0;
  double tokens_per_second = 0;
};

double p95(std::vector<double> values) {
  const auto nth =
      values.begin() + static_cast<std::ptrdiff_t>(0.95 * static_cast<double>(values.size()));
  std::nth_element(values.begin(), nth, values.end());
  return *nth;
}

class Play {
 public:
  Play(const Machine& machine, const plan::Workload& workload)
      : machine_(machine),
        workload_(workload),
        scheduler_({.max_num_seqs = machine.streams,
                    .step_tokens_max = 512 + machine.streams,
                    .block_count = 100000}) {
    for (int user = 0; user < static_cast<int>(workload.users); ++user) {
      asks_.push(exponential(workload.think_seconds));
    }
  }

  Percentiles run(int answers) {
    const int warm = answers / 10;
    while (done_ < answers) {
      if (done_ == warm && warm_at_ == 0) {
        ttft_.clear(), tpot_.clear(), answer_.clear();
        warm_at_ = now_;
        tokens_ = 0;
      }
      if (scheduler_.idle()) now_ = std::max(now_, asks_.top());
      while (!asks_.empty() && asks_.top() <= now_) arrive();
      step();
    }
    return {.ttft = p95(ttft_),
            .tpot = p95(tpot_),
            .answer = p95(answer_),
            .tokens_per_second = tokens_ / (now_ - warm_at_)};
  }

 private:
  struct Request {
    double came = 0;
    double first = 0;
    int left = 0;
    int length = 0;
  };

  double exponential(double mean) {
    return std::exponential_distribution<double>(1 / mean)(random_);
  }

  void arrive() {
    const SequenceId id = ++last_;
    const int length = 1 + static_cast<int>(exponential(workload_.answer_tokens));
    requests_[id] = {.came = asks_.top(), .first = 0, .left = length, .length = length};
    asks_.pop();
    scheduler_.add(id, std::vector<TokenId>(static_cast<size_t>(workload_.prompt_tokens)));
  }

  void step() {
    const StepPlan planned = scheduler_.plan();
    int prompt_tokens = 0;
    int rows = 0;
    for (const PlannedRun& run : planned.runs) {
      const bool is_prompt = run.first_position < static_cast<int>(workload_.prompt_tokens);
      prompt_tokens += is_prompt ? run.token_count : 0;
      ++rows;
    }
    now_ += machine_.base + machine_.row * rows + machine_.prompt * prompt_tokens;
    const TokenId token = 7;
    std::vector<RunOutcome> outcomes;
    std::vector<SequenceId> ended;
    for (const PlannedRun& run : planned.runs) {
      outcomes.push_back({.id = run.id, .computed_count = run.token_count});
      if (!run.chooses) continue;
      outcomes.back().added = std::span(&token, 1);
      Request& request = requests_.at(run.id);
      ++tokens_;
      if (request.first == 0) request.first = now_;
      if (--request.left == 0) ended.push_back(run.id);
    }
    scheduler_.commit(planned, outcomes);
    for (const SequenceId id : ended) end(id);
  }

  void end(SequenceId id) {
    const Request request = requests_.at(id);
    scheduler_.remove(id);
    requests_.erase(id);
    ttft_.push_back(request.first - request.came);
    answer_.push_back(now_ - request.came);
    if (request.length > 1) tpot_.push_back((now_ - request.first) / (request.length - 1));
    asks_.push(now_ + exponential(workload_.think_seconds));
    ++done_;
  }

  const Machine machine_;
  const plan::Workload workload_;
  Scheduler scheduler_;
  std::mt19937 random_{7};
  std::priority_queue<double, std::vector<double>, std::greater<>> asks_;
  std::map<SequenceId, Request> requests_;
  SequenceId last_ = 0;
  double now_ = 0;
  double warm_at_ = 0;
  int done_ = 0;
  double tokens_ = 0;
  std::vector<double> ttft_;
  std::vector<double> tpot_;
  std::vector<double> answer_;
};

struct Case {
  const char* name;
  Machine machine;
  plan::Workload workload;
};

constexpr Machine kTwoCores = {.base = 0.085, .row = 0.002, .prompt = 0.009, .streams = 16};
constexpr Machine kInferentia = {.base = 0.012, .row = 0.0003, .prompt = 0.0002, .streams = 32};
constexpr Machine kGpu = {.base = 0.006, .row = 0.00017, .prompt = 0.000025, .streams = 64};

const Case kCases[] = {
    {"two cores, one user", kTwoCores, {.users = 1, .prompt_tokens = 128, .answer_tokens = 100}},
    {"two cores, a few", kTwoCores, {.users = 6, .prompt_tokens = 128, .answer_tokens = 100}},
    {"two cores, many", kTwoCores, {.users = 25, .prompt_tokens = 128, .answer_tokens = 100}},
    {"inf2, some", kInferentia, {.users = 60}},
    {"inf2, many", kInferentia, {.users = 150}},
    {"inf2, too many", kInferentia, {.users = 400}},
    {"gpu, some", kGpu, {.users = 300}},
    {"gpu, many", kGpu, {.users = 900}},
    {"gpu, long prompts", kGpu, {.users = 300, .prompt_tokens = 2000, .answer_tokens = 300}},
    {"gpu, short answers", kGpu, {.users = 500, .think_seconds = 20, .answer_tokens = 40}},
};

TEST(PlanQueue, ForecastsWhatTheSchedulerGivesWithinAFifth) {
  for (const Case& one : kCases) {
    SCOPED_TRACE(one.name);
    const plan::Forecast forecast =
        plan::forecast(one.workload, speed_of(one.machine, one.workload));
    const Percentiles played = Play(one.machine, one.workload).run(6000);
    EXPECT_NEAR(forecast.ttft_p95 / played.ttft, 1, 0.2) << played.ttft;
    EXPECT_NEAR(forecast.tpot_p95 / played.tpot, 1, 0.2) << played.tpot;
    EXPECT_NEAR(forecast.answer_p95 / played.answer, 1, 0.2) << played.answer;
    EXPECT_NEAR(forecast.tokens_per_second / played.tokens_per_second, 1, 0.1)
        << played.tokens_per_second;
  }
}

}  // namespace
}  // namespace puna

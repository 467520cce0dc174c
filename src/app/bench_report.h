// What puna bench found, as JSON and as a table. The names of the JSON are a contract with scripts.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/bench_tests.h"
#include "base/json.h"

namespace puna {

struct BenchResult {
  BenchTest test;
  std::vector<double> seconds;  // one of each round
};

struct BenchReport {
  std::string cpu;  // as the system names it
  int cores = 0;    // that this process may use
  std::string isa;  // of the kernels; with --backend pjrt the devices
  std::string backend = "cpu";
  std::string operation_type = "int8";  // of what BenchLimits counts
  std::string model_name;
  LlamaConfig config;
  BackendMemory memory;
  std::string weights;
  int threads = 0;
  double load_seconds = 0;     // of opening the backend
  int64_t resident_bytes = 0;  // of the process, after opening it and a first prompt
  BenchLimits limits;          // medians of all readings
  int rounds = 0;
  std::vector<BenchResult> results;
};

double median(std::vector<double> values);

// All sequences together, in the median round.
double tokens_per_second(const BenchResult& result);
// The least time that the machine's limits allow, of the median time: 1 is the limit.
double share_of_limit(const BenchResult& result, const BenchReport& report);

// Tokens per second of a served test, of those of the backend's decode of the same batch at depth
// 0; nothing when that did not run.
std::optional<double> share_of_decode(const BenchResult& result, const BenchReport& report);

OrderedJson to_json(const BenchReport& report);
std::string describe(const BenchReport& report);

}  // namespace puna

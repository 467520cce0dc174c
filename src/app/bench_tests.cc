// Sums over steps; doubles are exact far beyond what is counted here.

#include "app/bench_tests.h"

#include <fmt/format.h>

#include <algorithm>

#include "model/step_operations.h"

namespace puna {
namespace {

std::vector<int> without_repeats(std::vector<int> values) {
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
  return values;
}

}  // namespace

std::string describe(const BenchTest& test) {
  if (test.kind == BenchKind::kPrefill) return fmt::format("prefill {}", test.tokens);
  if (test.kind == BenchKind::kServed) {
    return fmt::format("served{} x{}", test.sampling == BenchSampling::kGreedy ? " greedy" : "",
                       test.batch);
  }
  return fmt::format("decode x{} at {}", test.batch, test.depth);
}

std::vector<BenchTest> bench_tests(const BenchOptions& options) {
  std::vector<BenchTest> tests;
  for (const int tokens : without_repeats(options.prefill)) {
    if (tokens > 0) tests.push_back({.kind = BenchKind::kPrefill, .tokens = tokens});
  }
  if (options.decode == 0) return tests;
  std::vector<int> depths = options.depth;
  if (options.served) depths.push_back(0);
  for (const int depth : without_repeats(depths)) {
    for (const int batch : without_repeats(options.batch)) {
      tests.push_back(
          {.kind = BenchKind::kDecode, .tokens = options.decode, .batch = batch, .depth = depth});
    }
  }
  if (!options.served) return tests;
  for (const int batch : without_repeats(options.batch)) {
    for (const BenchSampling sampling : {BenchSampling::kTopK50, BenchSampling::kGreedy}) {
      tests.push_back({.kind = BenchKind::kServed,
                       .tokens = options.decode,
                       .batch = batch,
                       .sampling = sampling});
    }
  }
  return tests;
}

BenchWork bench_work(const BenchTest& test, const LlamaConfig& config,
                     const BackendMemory& memory) {
  const bool is_prefill = test.kind == BenchKind::kPrefill;
  const double tokens = test.tokens;
  // A token attends to itself and to all before it.
  const double attended = tokens * test.depth + tokens * (tokens + 1) / 2;
  const int prefill_steps = (test.tokens + kBenchStepTokens - 1) / kBenchStepTokens;
  const double steps = is_prefill ? prefill_steps : tokens;
  // A prefill reads what lies before each of its steps: what a step itself writes is in a cache.
  const double before_steps = kBenchStepTokens * steps * (steps - 1) / 2;
  const double read_positions = is_prefill ? before_steps : test.batch * attended;
  const double heads = is_prefill ? 1 : tokens * test.batch;  // tokens whose logits are wanted
  return {.bytes = steps * static_cast<double>(memory.step_weight_bytes) +
                   read_positions * static_cast<double>(memory.kv_bytes_per_token),
          .operations = 2 * layer_weight_count(config) * tokens * test.batch +
                        2 * head_weight_count(config) * heads +
                        attention_operations(config, attended * test.batch)};
}

BenchIdeal bench_ideal(const BenchWork& work, const BenchLimits& limits) {
  const double read = work.bytes / limits.read_bandwidth;
  const double multiply = work.operations / limits.operations;
  if (read >= multiply) return {.seconds = read, .bound = BenchBound::kMemory};
  return {.seconds = multiply, .bound = BenchBound::kOperations};
}

}  // namespace puna

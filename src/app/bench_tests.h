// What puna bench measures, and how fast each test could be at best. Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "app/options.h"
#include "backend/backend.h"
#include "model/llama_config.h"

namespace puna {

// Tokens in one step of a prefill, as a server cuts prompts by default.
inline constexpr int kBenchStepTokens = 512;

enum class BenchKind { kPrefill, kDecode };

// A prompt of `tokens` from position 0 on; or `tokens` steps of `batch` sequences, each of them
// `depth` positions long at the beginning.
struct BenchTest {
  BenchKind kind = BenchKind::kPrefill;
  int tokens = 0;
  int batch = 1;
  int depth = 0;

  // KV blocks of each sequence.
  int blocks_per_sequence() const { return (depth + tokens + kBlockTokens - 1) / kBlockTokens; }
  int64_t block_count() const { return int64_t{batch} * blocks_per_sequence(); }
};

// "decode x4 at 1024".
std::string describe(const BenchTest& test);

// Prefills, then decodes by depth and batch; what is given twice runs once.
std::vector<BenchTest> bench_tests(const BenchOptions& options);

// What the machine can do at most.
struct BenchLimits {
  double read_bandwidth = 0;   // bytes per second
  double int8_operations = 0;  // per second
};

// What a test cannot do without: `bytes` from memory and `operations` (a multiplication and an
// addition are two).
struct BenchWork {
  double bytes = 0;
  double operations = 0;
};

// Every step reads its weights once and, for each sequence, its K and V up to the token. The
// operations are those of the matrices, and of attention.
BenchWork bench_work(const BenchTest& test, const LlamaConfig& config, const BackendMemory& memory);

enum class BenchBound { kMemory, kInt8 };

// The larger of the two times is the least that the work can take.
struct BenchIdeal {
  double seconds = 0;
  BenchBound bound = BenchBound::kMemory;
};
BenchIdeal bench_ideal(const BenchWork& work, const BenchLimits& limits);

}  // namespace puna

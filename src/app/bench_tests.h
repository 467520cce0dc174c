// What puna bench measures, and how fast each test could be at best. Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "app/options.h"
#include "backend/measured_backend.h"
#include "model/llama_config.h"

namespace puna {

// Tokens in one step of a prefill, as a server cuts prompts by default.
inline constexpr int kBenchStepTokens = 512;

// kServed: a decode as clients of a server see it.
enum class BenchKind { kPrefill, kDecode, kServed };

// How a served test chooses tokens: as a server does by default, or the likeliest.
enum class BenchSampling { kTopK50, kGreedy };

// A prompt of `tokens` from position 0 on; or `tokens` steps of `batch` sequences, each of them
// `depth` positions long at the beginning.
struct BenchTest {
  BenchKind kind = BenchKind::kPrefill;
  int tokens = 0;
  int batch = 1;
  int depth = 0;
  BenchSampling sampling = BenchSampling::kTopK50;  // of a served test

  // Of each sequence, at the end. A served one begins with a prompt of one token, whose answer's
  // first token is not timed.
  int positions() const { return depth + tokens + (kind == BenchKind::kServed ? 2 : 0); }
  // KV blocks, each sequence's its own.
  int64_t block_count(int block_tokens) const {
    return batch * blocks_for(positions(), block_tokens);
  }
};

// "decode x4 at 1024".
std::string describe(const BenchTest& test);

// Prefills, decodes by depth and batch, then what is served by batch, beside decodes at depth 0;
// what is given twice runs once.
std::vector<BenchTest> bench_tests(const BenchOptions& options);

// What the machine can do at most.
struct BenchLimits {
  double read_bandwidth = 0;  // bytes per second
  double operations = 0;      // per second, of BenchReport::operation_type
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

enum class BenchBound { kMemory, kOperations };

// The larger of the two times is the least that the work can take.
struct BenchIdeal {
  double seconds = 0;
  BenchBound bound = BenchBound::kMemory;
};
BenchIdeal bench_ideal(const BenchWork& work, const BenchLimits& limits);

}  // namespace puna

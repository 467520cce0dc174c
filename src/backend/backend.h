// Backend: a device with a loaded model and room for KV. The seam to hardware.
//
// One step at a time, by one thread (the engine's): start() and finish(), or run() for both. What a
// token's logits may depend on is the backend's Exactness.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backend/step_batch.h"
#include "base/status.h"

namespace puna {

class ThreadPool;

struct BackendLimits {
  int block_count = 0;      // KV blocks of BackendTraits::block_tokens positions
  int step_tokens_max = 0;  // tokens in one StepBatch
  int step_runs_max = 0;
  int vocab_size = 0;
  int max_model_len = 0;  // positions of one sequence
};

// What a token's logits are the same in.
enum class Exactness {
  // Batch invariance: they depend, bit for bit, on the token's own sequence (where its prompt ends,
  // too) and RowUse alone; never on what shares the step, on how the prompt was cut into runs, or
  // on the number of threads.
  kBits,
  kWithinStep,  // the same bits when the same step runs again
  kTolerance,   // close, but no bits are promised
};

// Sizes of steps that cost no more than smaller ones, ascending; empty: every size is its own.
struct StepShapes {
  std::vector<int> token_buckets = {};
  std::vector<int> run_buckets = {};
  std::vector<int> table_buckets = {};   // blocks of the longest table
  bool mixes_prefill_and_decode = true;  // in one step
};

// Which full KV blocks may serve every sequence that begins with the same tokens.
enum class BlockSharing {
  kNone,
  // Those of prompts alone: what was generated is computed otherwise (SequenceRun::prompt_count).
  kPrefill,
  kAll,
};

// What a kind of device is like, whatever its options.
struct BackendTraits {
  bool samples = false;  // StepResult::chosen is filled
  Exactness exactness = Exactness::kBits;
  BlockSharing sharing = BlockSharing::kNone;
  int block_tokens = 64;  // positions in a KV block
  StepShapes shapes = {};
};

class Backend {
 public:
  virtual ~Backend() = default;
  virtual const BackendLimits& limits() const = 0;
  virtual const BackendTraits& traits() const = 0;

  // Begins to write K and V of the batch's tokens into their blocks and to compute the wanted rows.
  // `batch` outlives finish(). After an error nothing was begun.
  virtual Status start(const StepBatch& batch) = 0;
  // Waits for the step that was started. After an error nothing of it counts: its blocks hold
  // anything, and may be written again.
  virtual Result<StepResult> finish() = 0;
  Result<StepResult> run(const StepBatch& batch);

  // Why it will never compute again (a lost device, damaged weights); ok while it can. Any thread.
  // Clients read it: no paths of the server.
  virtual Status health() const { return {}; }
  // Threads that are idle outside start() and finish(); null: none.
  virtual ThreadPool* pool() { return nullptr; }
  virtual std::string describe() const = 0;
};

// A backend whose step runs whole inside start().
class BlockingBackend : public Backend {
 public:
  Status start(const StepBatch& batch) final;
  Result<StepResult> finish() final;

 protected:
  virtual Result<StepResult> compute(const StepBatch& batch) = 0;

 private:
  std::optional<StepResult> result_;  // of the step that was started
};

// kInvalidArgument when a batch breaks a limit or its tables are too short: checked by every
// backend.
Status validate(const StepBatch& batch, const BackendLimits& limits, const BackendTraits& traits);

// Blocks that hold `position_count` positions.
constexpr int64_t blocks_for(int64_t position_count, int block_tokens) {
  return (position_count + block_tokens - 1) / block_tokens;
}

}  // namespace puna

// Backend: a device with a loaded model and room for KV. The seam to hardware.
//
// run() is called by one thread at a time (the engine's) and blocks. Batch invariance is part of
// the contract: a token's logits depend, bit for bit, on its own sequence alone, never on what
// shares the batch, on how its prompt was cut into runs, or on the number of threads.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "backend/step_batch.h"
#include "base/status.h"

namespace puna {

struct BackendLimits {
  int block_count = 0;      // KV blocks of kBlockTokens positions
  int step_tokens_max = 0;  // tokens in one StepBatch
  int step_runs_max = 0;
  int vocab_size = 0;
  int max_model_len = 0;  // positions of one sequence
};

// What the model takes. All zero: not known, as of a backend without weights.
struct BackendMemory {
  int64_t weight_bytes = 0;       // as the backend holds them
  int64_t step_weight_bytes = 0;  // of these, what every step reads: not rows of the embedding
  int64_t kv_bytes_per_token = 0;
  int weight_group = 0;  // weights that share a scale; 0: none do
};

class Backend {
 public:
  virtual ~Backend() = default;
  virtual const BackendLimits& limits() const = 0;
  virtual BackendMemory memory() const { return {}; }
  // Writes K and V of the batch's tokens into their blocks and returns the wanted logits.
  virtual Result<StepLogits> run(const StepBatch& batch) = 0;
  // Writes finite values into every KV block, for measurements: a sequence may then begin at any
  // position, and reading its blocks costs what it costs a server. Memory that was never written
  // is one shared page of zeros, which caches hold.
  virtual void fill_blocks() {}
  // Waits for what a start leaves to the background, for measurements.
  virtual void settle() {}
  virtual std::string describe() const = 0;
};

// kInvalidArgument when a batch breaks a limit or its tables are too short: checked by every
// backend.
Status validate(const StepBatch& batch, const BackendLimits& limits);

}  // namespace puna

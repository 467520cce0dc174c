// Backend: a device with a loaded model and room for KV. The seam to hardware.
//
// run() is called by one thread at a time (the engine's) and blocks. Batch invariance is part of
// the contract: a token's logits depend, bit for bit, on its own sequence alone, never on what
// shares the batch, on how its prompt was cut into runs, or on the number of threads.
#pragma once

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

class Backend {
 public:
  virtual ~Backend() = default;
  virtual const BackendLimits& limits() const = 0;
  // Writes K and V of the batch's tokens into their blocks and returns the wanted logits.
  virtual Result<StepLogits> run(const StepBatch& batch) = 0;
  virtual std::string describe() const = 0;
};

// kInvalidArgument when a batch breaks a limit or its tables are too short: checked by every
// backend.
Status validate(const StepBatch& batch, const BackendLimits& limits);

}  // namespace puna

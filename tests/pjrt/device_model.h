// A checkpoint on the reference plugin through open_backend(), for tests.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "backend/open_backend.h"
#include "model/checkpoint.h"

namespace puna {

// tests/golden/llama/NAME; fails the running test when it cannot be opened.
Checkpoint golden_checkpoint(const std::string& name);

// Options of small steps (32 tokens, 4 sequences of 192 positions) with f32 weights on the
// reference plugin with these rules.
BackendOptions device_options(const std::string& rules, int tp_degree = 1);
PjrtOptions& device_of(BackendOptions& options);

// Tokens [first, last) of `ids` as a run in neighbouring blocks from `first_block` on, with the
// logits of the last one wanted. One token behind others is a generated one, all others are a
// prompt's.
StepBatch one_run(const std::vector<TokenId>& ids, size_t first, size_t last,
                  const Backend& backend, int first_block = 0);

// The likeliest continuation of `prompt`: one prefill, then decoding. Stops at an error.
Result<std::vector<TokenId>> greedy_tokens(Backend& backend, const std::vector<TokenId>& prompt,
                                           int count);

}  // namespace puna

// StepBatch: one step of the model as plain arrays: which tokens, of which sequences, at which
// positions.
//
// A step mixes prefill chunks and single decoded tokens. Runs are contiguous in `tokens`.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "model/llama_config.h"

namespace puna {

inline constexpr int kBlockTokens = 64;  // positions in a KV block

// Consecutive tokens of one sequence.
struct SequenceRun {
  int first_token = 0;  // index into StepBatch::tokens
  int token_count = 0;
  int first_position = 0;  // position of its first token in the sequence
  // Block i holds positions [64 i, 64 i + 64); covers every position up to the run's last token.
  std::vector<int> block_table;
};

struct StepBatch {
  std::vector<TokenId> tokens;  // [token_count]
  std::vector<SequenceRun> runs;
  std::vector<int> logit_tokens;  // indices into tokens whose logits are wanted, ascending
};

// Rows of logits in the order of StepBatch::logit_tokens. Valid until the backend's next run(), and
// the reader's to change: adjusting them for sampling needs no copy.
struct StepLogits {
  std::span<float> values;  // [logit_count, vocab_size]
  int vocab_size = 0;

  std::span<float> row(size_t index) const {
    const auto size = static_cast<size_t>(vocab_size);
    return values.subspan(index * size, size);
  }
};

// "prefill [0:64) decode 130 …" for logs and tests.
std::string describe(const StepBatch& batch);

}  // namespace puna

// StepBatch: one step of the model as plain arrays: which tokens, of which sequences, at which
// positions.
//
// A step mixes prefill chunks and single decoded tokens. Runs are contiguous in `tokens`.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "model/llama_config.h"

namespace puna {

// Consecutive tokens of one sequence.
struct SequenceRun {
  int first_token = 0;  // index into StepBatch::tokens
  int token_count = 0;
  int first_position = 0;  // position of its first token in the sequence
  // Block i holds positions [i n, (i + 1) n), n being BackendTraits::block_tokens; covers every
  // position up to the run's last token.
  std::vector<int> block_table;
  // Positions from here on were generated, each in a step of its own; where that gives other bits
  // than reading them together (BlockSharing::kPrefill), they are always computed so.
  int prompt_count = std::numeric_limits<int>::max();
};

// What a row of logits is for.
enum class RowUse {
  kChoose,       // to choose the sequence's next token
  kScorePrompt,  // to score the token of the prompt that follows
  kVerifyDraft,  // to accept or refuse the drafted token that follows
};

struct WantedRow {
  int token = 0;  // index into StepBatch::tokens: its logits predict the token after it
  RowUse use = RowUse::kChoose;
};

struct StepBatch {
  std::vector<TokenId> tokens;  // [token_count]
  std::vector<SequenceRun> runs;
  std::vector<WantedRow> wanted_rows;  // ascending by token, none twice
};

// Rows of logits in the order of StepBatch::wanted_rows. The reader may change them: adjusting a
// row for sampling needs no copy.
struct StepLogits {
  std::span<float> values;  // [wanted_rows, vocab_size]
  int vocab_size = 0;

  std::span<float> row(size_t index) const {
    const auto size = static_cast<size_t>(vocab_size);
    return values.subspan(index * size, size);
  }
};

// What a step gives back. Valid until the backend's next step.
struct StepResult {
  StepLogits logits;
  // One token for each kChoose row, where the backend samples by itself; else empty.
  std::vector<TokenId> chosen = {};
};

// "prefill [0:64) decode 130 …" for logs and tests.
std::string describe(const StepBatch& batch);

}  // namespace puna

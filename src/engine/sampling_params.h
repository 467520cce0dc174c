// SamplingParams: how the next token is chosen, in OpenAI's and vLLM's words. Plain data.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "base/status.h"
#include "model/llama_config.h"

namespace puna {

inline constexpr int kTopLogprobsMax = 20;
inline constexpr int kLogitBiasMax = 1024;
inline constexpr int kStopTokenIdsMax = 1024;
inline constexpr size_t kBadWordsMax = 1024;
inline constexpr size_t kBadWordTokensMax = 256;

struct SamplingParams {
  double temperature = 1.0;  // 0: greedy
  int top_k = 0;             // 0: off
  double top_p = 1.0;
  double min_p = 0.0;
  double repetition_penalty = 1.0;  // over prompt and answer
  double presence_penalty = 0.0;    // over the answer, OpenAI's definition
  double frequency_penalty = 0.0;
  std::vector<std::pair<TokenId, float>> logit_bias;
  uint64_t seed = 0;  // always set: the caller draws one when the user gives none
  std::vector<TokenId> allowed_token_ids;       // no others are chosen; empty: all are allowed
  std::vector<std::vector<TokenId>> bad_words;  // runs of tokens that no answer has
  int max_tokens = 16;                          // 0: the prompt is read and scored, no more
  int min_tokens = 0;
  bool ignore_eos = false;
  std::vector<TokenId> stop_token_ids;  // besides the model's own
  std::optional<int> logprobs;         // empty: none; else how many alternatives besides the chosen
  std::optional<int> prompt_logprobs;  // the same of the prompt's tokens
};

// Ranges as OpenAI states them (temperature 0..2, penalties -2..2, …); the message begins with the
// field.
Status validate(const SamplingParams& params, int vocab_size);

}  // namespace puna

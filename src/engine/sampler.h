// Sampler: chooses one sequence's next token from its logits.
//
// The order is vLLM's: forbidden tokens, logit_bias and min_tokens, penalties, temperature, min_p,
// top_k, top_p. The choice depends on the logits, the parameters and the tokens before, nothing
// else; ties go to the smaller id, so equal logits give equal choices on every machine.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/status.h"
#include "engine/sampling_params.h"
#include "engine/token_constraint.h"

namespace puna {

struct TokenChoice;

Status not_numbers();  // what logits that are no numbers end a request with

class Sampler {
 public:
  // `end_tokens` end an answer and are not chosen before min_tokens. No constraint when null.
  Sampler(const SamplingParams& params, std::span<const TokenId> prompt,
          std::vector<TokenId> end_tokens, std::shared_ptr<TokenConstraint> constraint = nullptr);

  // Chooses token number chosen_count(), and remembers it. The row is scratch afterwards.
  // kInternal: logits that are no numbers. kInvalidArgument: the parameters leave no token.
  Result<TokenChoice> choose(std::span<float> logits);

  int chosen_count() const { return static_cast<int>(answer_.size()); }

 private:
  void adjust(std::span<float> logits);
  void apply_mask(std::span<float> logits);
  void forbid_bad_words(std::span<float> logits) const;
  void apply_penalties(std::span<float> logits) const;
  TokenId sample(std::span<const float> logits) const;
  void remember(TokenId token);

  const SamplingParams params_;
  const std::vector<TokenId> end_tokens_;
  const std::shared_ptr<TokenConstraint> constraint_;
  std::vector<uint32_t> allowed_, mask_;       // bits by token; empty: all are allowed
  std::unordered_set<TokenId> seen_;           // in prompt or answer, for repetition_penalty
  std::unordered_map<TokenId, int> answered_;  // how often in the answer
  std::vector<TokenId> answer_;
};

// `token` with its log-probability and rank in softmax(logits) and the `top_count` likeliest, best
// first. The logits are numbers.
TokenChoice with_logprobs(TokenId token, std::span<const float> logits, int top_count);

}  // namespace puna

// Sampler: chooses one sequence's next token from its logits.
//
// The order is vLLM's: logit_bias and min_tokens, penalties, temperature, min_p, top_k, top_p. The
// choice depends on the logits, the parameters and the number of tokens chosen before, nothing
// else.
#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "engine/sampling_params.h"

namespace puna {

struct TokenChoice;

class Sampler {
 public:
  // `end_tokens` end an answer and are not chosen before min_tokens.
  Sampler(const SamplingParams& params, std::span<const TokenId> prompt,
          std::vector<TokenId> end_tokens);

  // Chooses token number chosen_count(), and remembers it.
  TokenChoice choose(std::span<const float> logits);

  int chosen_count() const { return chosen_count_; }

 private:
  struct Candidate {
    TokenId token;
    double weight;  // not normalised probability
  };

  bool changes_logits() const;
  void adjust(std::vector<float>& logits) const;
  TokenId sample(std::span<const float> logits) const;
  std::vector<Candidate> candidates(std::span<const float> logits) const;

  const SamplingParams params_;
  const std::vector<TokenId> end_tokens_;
  std::unordered_set<TokenId> seen_;           // in prompt or answer, for repetition_penalty
  std::unordered_map<TokenId, int> answered_;  // how often in the answer
  int chosen_count_ = 0;
};

// `token` with its log-probability in softmax(logits) and the `top_count` likeliest, best first.
TokenChoice with_logprobs(TokenId token, std::span<const float> logits, int top_count);

}  // namespace puna

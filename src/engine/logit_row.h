// Passes over one row of logits [vocab_size]: what sampling and log-probabilities need of it,
// without copying or sorting the vocabulary.
//
// Sums are added in an order that does not depend on the processor: the same bits everywhere.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "model/llama_config.h"

namespace puna {

// False when a logit is NaN or +infinity: no order and no probability could be told. -infinity is
// a token that cannot follow.
bool are_numbers(std::span<const float> logits);

float largest(std::span<const float> logits);

// Logits above `logit`.
int count_above(std::span<const float> logits, float logit);

// The `count` likeliest tokens (all, when there are fewer), best first; of equal ones the smaller
// id. Time is a pass over the row and a sort of some more than `count`.
std::vector<TokenId> likeliest(std::span<const float> logits, size_t count);

// What turns logits into weights: not normalised probabilities, as shares of the likeliest's.
struct Weighting {
  double best = 0;         // largest(logits), finite
  double temperature = 1;  // above 0
  double least = 0;        // a smaller weight counts as none (min_p)

  // exp((logit - best) / temperature), 0 where that is below `least` or below 2^-1021.
  double weight(float logit) const;
};

// The sum of all weights.
double total_weight(std::span<const float> logits, const Weighting& weighting);

// The token in whose share of the total weight `fraction` (0 <= fraction < 1) falls, when the
// shares lie in the order of ids.
TokenId token_at(std::span<const float> logits, const Weighting& weighting, double fraction);

}  // namespace puna

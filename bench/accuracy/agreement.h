// Agreement: how close a model's predictions are to a reference's, over the tokens of a text.
#pragma once

#include <cstddef>
#include <span>

#include "base/thread_pool.h"
#include "model/llama_config.h"

namespace puna {

struct Agreement {
  size_t token_count = 0;
  double log_probability = 0;  // of the text's tokens, summed
  double divergence = 0;       // KL from the reference, summed over tokens, in nats
  double divergence_squares = 0;
  double divergence_max = 0;
  size_t same_top = 0;  // tokens for which both think the same most likely

  double perplexity() const;
  double mean_divergence() const;
  double divergence_error() const;  // standard error of the mean
  double top1() const;
};

// Adds a chunk: row i of `logits` and of `reference` [tokens.size(), vocab_size] predicts
// tokens[i].
void add_chunk(std::span<const float> logits, std::span<const float> reference,
               std::span<const TokenId> tokens, ThreadPool& pool, Agreement& agreement);

}  // namespace puna

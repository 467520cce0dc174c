// Log-probabilities are computed in f64 from f32 logits.

#include "agreement.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace puna {
namespace {

double log_of_sum(std::span<const float> logits) {
  const auto highest = static_cast<double>(*std::max_element(logits.begin(), logits.end()));
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit) - highest);
  return highest + std::log(sum);
}

struct Compared {
  double log_probability = 0;
  double divergence = 0;
  bool same_top = false;
};

Compared compare(std::span<const float> logits, std::span<const float> reference, TokenId token) {
  const double total = log_of_sum(logits);
  const double reference_total = log_of_sum(reference);
  Compared compared;
  compared.log_probability = static_cast<double>(logits[static_cast<size_t>(token)]) - total;
  for (size_t i = 0; i < logits.size(); ++i) {
    const double ours = static_cast<double>(logits[i]) - total;
    const double theirs = static_cast<double>(reference[i]) - reference_total;
    compared.divergence += std::exp(theirs) * (theirs - ours);
  }
  compared.same_top = std::max_element(logits.begin(), logits.end()) - logits.begin() ==
                      std::max_element(reference.begin(), reference.end()) - reference.begin();
  return compared;
}

}  // namespace

double Agreement::perplexity() const {
  return std::exp(-log_probability / static_cast<double>(token_count));
}

double Agreement::mean_divergence() const { return divergence / static_cast<double>(token_count); }

double Agreement::divergence_error() const {
  const auto count = static_cast<double>(token_count);
  const double variance = divergence_squares / count - mean_divergence() * mean_divergence();
  return std::sqrt(std::max(0.0, variance) / (count - 1));
}

double Agreement::top1() const {
  return static_cast<double>(same_top) / static_cast<double>(token_count);
}

void add_chunk(std::span<const float> logits, std::span<const float> reference,
               std::span<const TokenId> tokens, ThreadPool& pool, Agreement& agreement) {
  const size_t vocabulary = logits.size() / tokens.size();
  std::vector<Compared> compared(tokens.size());
  pool.parallel_for(tokens.size(), 4, [&](size_t first, size_t last) {
    for (size_t i = first; i < last; ++i) {
      compared[i] = compare(logits.subspan(i * vocabulary, vocabulary),
                            reference.subspan(i * vocabulary, vocabulary), tokens[i]);
    }
  });
  for (const Compared& one : compared) {
    agreement.log_probability += one.log_probability;
    agreement.divergence += one.divergence;
    agreement.divergence_squares += one.divergence * one.divergence;
    agreement.divergence_max = std::max(agreement.divergence_max, one.divergence);
    agreement.same_top += one.same_top ? 1 : 0;
  }
  agreement.token_count += tokens.size();
}

}  // namespace puna

// Ties go to the smaller id everywhere, so equal logits give equal choices on every machine.

#include "engine/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "engine/engine.h"
#include "engine/random.h"

namespace puna {
namespace {

constexpr float kForbidden = -std::numeric_limits<float>::infinity();

TokenId argmax(std::span<const float> logits) {
  return static_cast<TokenId>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

}  // namespace

Sampler::Sampler(const SamplingParams& params, std::span<const TokenId> prompt,
                 std::vector<TokenId> end_tokens)
    : params_(params), end_tokens_(std::move(end_tokens)) {
  if (params_.repetition_penalty != 1.0) seen_.insert(prompt.begin(), prompt.end());
}

TokenChoice Sampler::choose(std::span<const float> logits) {
  TokenChoice choice;
  if (changes_logits()) {
    std::vector<float> adjusted(logits.begin(), logits.end());
    adjust(adjusted);
    choice.token = sample(adjusted);
  } else {
    choice.token = sample(logits);
  }
  if (params_.logprobs) choice = with_logprobs(choice.token, logits, *params_.logprobs);
  ++chosen_count_;
  if (params_.repetition_penalty != 1.0) seen_.insert(choice.token);
  ++answered_[choice.token];
  return choice;
}

bool Sampler::changes_logits() const {
  return !params_.logit_bias.empty() || chosen_count_ < params_.min_tokens ||
         params_.repetition_penalty != 1.0 || params_.presence_penalty != 0 ||
         params_.frequency_penalty != 0;
}

void Sampler::adjust(std::vector<float>& logits) const {
  const auto at = [&](TokenId token) -> float& { return logits[static_cast<size_t>(token)]; };
  for (const auto& [token, bias] : params_.logit_bias) at(token) += bias;
  if (chosen_count_ < params_.min_tokens) {
    for (const TokenId token : end_tokens_) at(token) = kForbidden;
    for (const TokenId token : params_.stop_token_ids) at(token) = kForbidden;
  }
  if (params_.repetition_penalty != 1.0) {
    const auto penalty = static_cast<float>(params_.repetition_penalty);
    for (const TokenId token : seen_) {
      float& logit = at(token);
      logit = logit > 0 ? logit / penalty : logit * penalty;
    }
  }
  if (params_.presence_penalty == 0 && params_.frequency_penalty == 0) return;
  for (const auto& [token, count] : answered_) {
    at(token) -= static_cast<float>(params_.frequency_penalty * count + params_.presence_penalty);
  }
}

TokenId Sampler::sample(std::span<const float> logits) const {
  if (params_.temperature == 0) return argmax(logits);
  const std::vector<Candidate> all = candidates(logits);
  double total = 0;
  for (const Candidate& candidate : all) total += candidate.weight;
  const double target = uniform(params_.seed, static_cast<uint64_t>(chosen_count_)) * total;
  double sum = 0;
  for (const Candidate& candidate : all) {
    sum += candidate.weight;
    if (sum > target) return candidate.token;
  }
  return all.empty() ? argmax(logits) : all.back().token;  // rounding at the very end
}

// What temperature, min_p, top_k and top_p leave: best first when one of the last two is set.
std::vector<Sampler::Candidate> Sampler::candidates(std::span<const float> logits) const {
  const double best = static_cast<double>(*std::max_element(logits.begin(), logits.end()));
  std::vector<Candidate> all;
  for (size_t i = 0; i < logits.size(); ++i) {
    const double weight = std::exp((static_cast<double>(logits[i]) - best) / params_.temperature);
    // The best token has weight 1, so weights are shares of its probability.
    if (weight > 0 && weight >= params_.min_p) all.push_back({static_cast<TokenId>(i), weight});
  }
  const bool limits_count = params_.top_k > 0 && static_cast<size_t>(params_.top_k) < all.size();
  if (!limits_count && params_.top_p >= 1) return all;
  const auto likelier = [](const Candidate& a, const Candidate& b) {
    return a.weight != b.weight ? a.weight > b.weight : a.token < b.token;
  };
  if (limits_count) {
    const auto end = all.begin() + params_.top_k;
    std::nth_element(all.begin(), end - 1, all.end(), likelier);
    all.erase(end, all.end());
  }
  std::sort(all.begin(), all.end(), likelier);
  if (params_.top_p >= 1) return all;
  double total = 0;
  for (const Candidate& candidate : all) total += candidate.weight;
  double sum = 0;
  size_t count = 0;
  while (count < all.size() && sum < params_.top_p * total) sum += all[count++].weight;
  all.resize(std::max<size_t>(count, 1));
  return all;
}

TokenChoice with_logprobs(TokenId token, std::span<const float> logits, int top_count) {
  const double best = static_cast<double>(*std::max_element(logits.begin(), logits.end()));
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit) - best);
  const double log_sum = best + std::log(sum);
  const auto logprob = [&](TokenId id) {
    return static_cast<double>(logits[static_cast<size_t>(id)]) - log_sum;
  };
  TokenChoice choice;
  choice.token = token;
  choice.logprob = logprob(token);
  std::vector<TokenId> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  const auto count =
      static_cast<ptrdiff_t>(std::min<size_t>(static_cast<size_t>(top_count), logits.size()));
  std::partial_sort(order.begin(), order.begin() + count, order.end(), [&](TokenId a, TokenId b) {
    const float left = logits[static_cast<size_t>(a)];
    const float right = logits[static_cast<size_t>(b)];
    return left != right ? left > right : a < b;
  });
  for (ptrdiff_t i = 0; i < count; ++i) {
    const TokenId id = order[static_cast<size_t>(i)];
    choice.top.emplace_back(id, logprob(id));
  }
  return choice;
}

}  // namespace puna

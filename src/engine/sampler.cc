// Adjusting touches the tokens that parameters name; choosing looks at the few that can be chosen.

#include "engine/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/engine.h"
#include "engine/logit_row.h"
#include "engine/random.h"

namespace puna {
namespace {

constexpr float kForbidden = -std::numeric_limits<float>::infinity();
// How many of the likeliest tokens are looked at first for top_p alone; then 8 times as many.
constexpr size_t kFirstNucleus = 64;

struct Candidate {
  TokenId token;
  double weight;
};

float& at(std::span<float> logits, TokenId token) { return logits[static_cast<size_t>(token)]; }

std::vector<uint32_t> mask_of(const std::vector<TokenId>& tokens) {
  std::vector<uint32_t> mask;
  for (const TokenId token : tokens) {
    const auto id = static_cast<size_t>(token);
    mask.resize(std::max(mask.size(), id / 32 + 1));
    mask[id / 32] |= uint32_t{1} << id % 32;
  }
  return mask;
}

void forbid_outside(std::span<const uint32_t> mask, std::span<float> logits) {
  for (size_t first = 0; first < logits.size(); first += 32) {
    const uint32_t word = first / 32 < mask.size() ? mask[first / 32] : 0;
    if (word == ~uint32_t{0}) continue;
    const size_t end = std::min(first + 32, logits.size());
    for (size_t i = first; i < end; ++i) {
      if ((word >> (i - first) & 1) == 0) logits[i] = kForbidden;
    }
  }
}

std::vector<Candidate> weighed(const std::vector<TokenId>& tokens, std::span<const float> logits,
                               const Weighting& weighting) {
  std::vector<Candidate> candidates;
  for (const TokenId token : tokens) {
    const double weight = weighting.weight(logits[static_cast<size_t>(token)]);
    if (weight > 0) candidates.push_back({token, weight});
  }
  return candidates;
}

double sum_of(const std::vector<Candidate>& candidates) {
  double sum = 0;
  for (const Candidate& candidate : candidates) sum += candidate.weight;
  return sum;
}

// Keeps the fewest of the first that hold `share`; false when all together hold less.
bool keep_share(std::vector<Candidate>& candidates, double share) {
  double sum = 0;
  size_t count = 0;
  while (count < candidates.size() && sum < share) sum += candidates[count++].weight;
  candidates.resize(std::max<size_t>(count, std::min<size_t>(candidates.size(), 1)));
  return sum >= share;
}

// What top_k and top_p leave. Best first where one of them cuts, else in the order of ids.
std::vector<Candidate> best_k(std::span<const float> logits, const Weighting& weighting,
                              size_t count, double top_p) {
  std::vector<Candidate> all = weighed(likeliest(logits, count + 1), logits, weighting);
  const bool cuts = all.size() > count;
  if (cuts) all.resize(count);
  if (top_p < 1) {
    keep_share(all, top_p * sum_of(all));
  } else if (!cuts) {
    std::sort(all.begin(), all.end(),
              [](const Candidate& a, const Candidate& b) { return a.token < b.token; });
  }
  return all;
}

std::vector<Candidate> nucleus(std::span<const float> logits, const Weighting& weighting,
                               double top_p) {
  const double share = top_p * total_weight(logits, weighting);
  for (size_t count = kFirstNucleus;; count *= 8) {
    std::vector<Candidate> all = weighed(likeliest(logits, count), logits, weighting);
    const bool is_everything = all.size() < count || count >= logits.size();
    if (keep_share(all, share) || is_everything) return all;
  }
}

TokenId pick(const std::vector<Candidate>& candidates, double fraction) {
  const double target = fraction * sum_of(candidates);
  double sum = 0;
  for (const Candidate& candidate : candidates) {
    sum += candidate.weight;
    if (sum > target) return candidate.token;
  }
  return candidates.back().token;  // rounding at the very end
}

}  // namespace

Status not_numbers() {
  return error(StatusCode::kInternal,
               "the model computed logits that are not numbers (NaN or infinite); its weights may "
               "be damaged: fetch the checkpoint again");
}

Sampler::Sampler(const SamplingParams& params, std::span<const TokenId> prompt,
                 std::vector<TokenId> end_tokens, std::shared_ptr<TokenConstraint> constraint)
    : params_(params),
      end_tokens_(std::move(end_tokens)),
      constraint_(std::move(constraint)),
      allowed_(mask_of(params.allowed_token_ids)) {
  if (params_.repetition_penalty != 1.0) seen_.insert(prompt.begin(), prompt.end());
}

Result<TokenChoice> Sampler::choose(std::span<float> logits) {
  if (!are_numbers(logits)) return not_numbers();
  std::vector<float> own;  // log-probabilities are the model's, whatever is adjusted
  if (params_.logprobs) own.assign(logits.begin(), logits.end());
  adjust(logits);
  if (largest(logits) == kForbidden) {
    return invalid_argument(
        "no token is left to choose: allowed_token_ids, bad_words, logit_bias and min_tokens "
        "exclude them all");
  }
  TokenChoice choice;
  choice.token = sample(logits);
  remember(choice.token);
  if (params_.logprobs) choice = with_logprobs(choice.token, own, *params_.logprobs);
  return choice;
}

void Sampler::remember(TokenId token) {
  if (params_.repetition_penalty != 1.0) seen_.insert(token);
  if (params_.presence_penalty != 0 || params_.frequency_penalty != 0) ++answered_[token];
  answer_.push_back(token);
  if (constraint_) constraint_->accept(token);
}

void Sampler::adjust(std::span<float> logits) {
  apply_mask(logits);
  forbid_bad_words(logits);
  for (const auto& [token, bias] : params_.logit_bias) at(logits, token) += bias;
  if (chosen_count() < params_.min_tokens) {
    for (const TokenId token : end_tokens_) at(logits, token) = kForbidden;
    for (const TokenId token : params_.stop_token_ids) at(logits, token) = kForbidden;
  }
  apply_penalties(logits);
}

void Sampler::apply_mask(std::span<float> logits) {
  if (!allowed_.empty()) forbid_outside(allowed_, logits);
  if (!constraint_) return;
  mask_.resize(mask_word_count(logits.size()));
  constraint_->fill(mask_);
  forbid_outside(mask_, logits);
}

// The last token of a bad word is forbidden where the answer ends with those before it.
void Sampler::forbid_bad_words(std::span<float> logits) const {
  for (const std::vector<TokenId>& word : params_.bad_words) {
    const size_t before = word.size() - 1;
    if (before > answer_.size()) continue;
    if (std::equal(word.begin(), word.end() - 1, answer_.end() - static_cast<ptrdiff_t>(before))) {
      at(logits, word.back()) = kForbidden;
    }
  }
}

void Sampler::apply_penalties(std::span<float> logits) const {
  if (params_.repetition_penalty != 1.0) {
    const auto penalty = static_cast<float>(params_.repetition_penalty);
    for (const TokenId token : seen_) {
      float& logit = at(logits, token);
      logit = logit > 0 ? logit / penalty : logit * penalty;
    }
  }
  for (const auto& [token, count] : answered_) {
    at(logits, token) -=
        static_cast<float>(params_.frequency_penalty * count + params_.presence_penalty);
  }
}

TokenId Sampler::sample(std::span<const float> logits) const {
  if (params_.temperature == 0) return likeliest(logits, 1).front();
  const double fraction = uniform(params_.seed, static_cast<uint64_t>(chosen_count()));
  const Weighting weighting = {.best = static_cast<double>(largest(logits)),
                               .temperature = params_.temperature,
                               .least = params_.min_p};
  const auto top_k = static_cast<size_t>(std::max(params_.top_k, 0));
  if (top_k > 0 && top_k < logits.size()) {
    return pick(best_k(logits, weighting, top_k, params_.top_p), fraction);
  }
  if (params_.top_p < 1) return pick(nucleus(logits, weighting, params_.top_p), fraction);
  return token_at(logits, weighting, fraction);
}

TokenChoice with_logprobs(TokenId token, std::span<const float> logits, int top_count) {
  const Weighting weighting = {.best = static_cast<double>(largest(logits))};
  const double log_sum = weighting.best + std::log(total_weight(logits, weighting));
  const auto logprob = [&](TokenId id) {
    return static_cast<double>(logits[static_cast<size_t>(id)]) - log_sum;
  };
  TokenChoice choice;
  choice.token = token;
  choice.logprob = logprob(token);
  choice.rank = 1 + count_above(logits, logits[static_cast<size_t>(token)]);
  for (const TokenId id : likeliest(logits, static_cast<size_t>(top_count))) {
    choice.top.emplace_back(id, logprob(id));
  }
  return choice;
}

}  // namespace puna

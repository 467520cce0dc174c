// The likeliest token first: a sequence's next one is less likely than the one before it.

#include "engine/speculation.h"

#include <algorithm>

namespace puna {
namespace {

// Less is not told from chance.
constexpr double kGainMin = 1.04;
constexpr double kRatioInCompanyMax = 1.1;

}  // namespace

std::vector<TokenId> SequenceDrafts::propose(std::span<const TokenId> tokens, int count_max) {
  match_length_ = 0;
  if (is_stopped_ || count_max <= 0) return {};
  const PromptLookup::Match match = lookup_.find(tokens);
  match_length_ = match.length;
  return continuation(tokens, match, count_max);
}

void SequenceDrafts::skip() {
  if (match_length_ > 0) acceptance_.skip(match_length_);
}

std::vector<int> choose_drafts(std::span<const DraftOffer> offers, int answer_count, int tokens_max,
                               const DraftCosts& costs) {
  std::vector<int> best(offers.size(), 0);
  std::vector<int> counts = best;
  std::vector<double> next;  // of each offer: whether its next token is accepted
  for (const DraftOffer& offer : offers) next.push_back(offer.probability);
  double tokens = answer_count;
  double most = kGainMin;
  for (int total = 1; total <= std::min(tokens_max, DraftCosts::kDraftsMax); ++total) {
    size_t likeliest = offers.size();
    for (size_t i = 0; i < offers.size(); ++i) {
      if (counts[i] == offers[i].token_count) continue;
      if (likeliest == offers.size() || next[i] > next[likeliest]) likeliest = i;
    }
    if (likeliest == offers.size()) break;
    ++counts[likeliest];
    tokens += next[likeliest];
    next[likeliest] *= offers[likeliest].probability;
    const std::optional<double> ratio = costs.ratio(answer_count, total);
    if (!ratio) break;
    if (answer_count > 1 && *ratio > kRatioInCompanyMax) continue;
    const double gain = tokens / answer_count / *ratio;
    if (gain <= most) continue;
    most = gain;
    best = counts;
  }
  return best;
}

}  // namespace puna

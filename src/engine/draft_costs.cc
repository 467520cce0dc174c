// A mean of the newest measurements for every number of answers and drafts.

#include "engine/draft_costs.h"

#include <algorithm>

namespace puna {
namespace {

constexpr double kNewestShare = 0.25;
constexpr double kRatioMax = 4;
// A step that was interrupted says little of what it costs.
constexpr double kSlowerMax = 1.5;

bool is_recent(uint64_t step, uint64_t now, uint64_t steps_max) {
  return step > 0 && now - step <= steps_max;
}

}  // namespace

double DraftCosts::known_or_first(const Answers& answers, int draft_count) const {
  if (draft_count == 0) return 1;
  const Cost& cost = answers.costs[static_cast<size_t>(draft_count) - 1];
  if (is_recent(cost.step, answers.step, kRatioStepsMax)) return cost.ratio;
  return 1 + kTokenRatioFirst * draft_count;
}

void DraftCosts::add(int answer_count, int draft_count, double seconds) {
  if (answer_count < 1 || answer_count > kAnswersMax || draft_count > kDraftsMax) return;
  Answers& answers = by_answers_[static_cast<size_t>(answer_count) - 1];
  const uint64_t now = ++answers.step;
  if (draft_count == 0) {
    const bool is_first = !is_recent(answers.plain_step, now, kPlainStepsMax);
    const double one = is_first ? seconds : std::min(seconds, kSlowerMax * answers.seconds);
    answers.seconds = is_first ? one : answers.seconds + kNewestShare * (one - answers.seconds);
    answers.plain_step = now;
  } else if (answers.seconds > 0) {
    const double known = known_or_first(answers, draft_count);
    const double ratio =
        std::clamp(seconds / answers.seconds, 1.0, std::min(kRatioMax, kSlowerMax * known));
    answers.costs[static_cast<size_t>(draft_count) - 1] = {
        .ratio = known + kNewestShare * (ratio - known), .step = now};
  }
}

std::optional<double> DraftCosts::ratio(int answer_count, int draft_count) const {
  if (answer_count < 1 || answer_count > kAnswersMax || draft_count > kDraftsMax) return {};
  const Answers& answers = by_answers_[static_cast<size_t>(answer_count) - 1];
  if (!is_recent(answers.plain_step, answers.step, kPlainStepsMax)) return {};
  if (answers.seconds <= 0) return 1;  // steps that take no time
  return known_or_first(answers, draft_count);
}

}  // namespace puna

// A step is taken for the sum of its answers' time and its prompt tokens' time.

#include "engine/step_pacer.h"

#include <algorithm>
#include <bit>

namespace puna {
namespace {

constexpr double kNewestShare = 0.1;
// Of the answers' time; less than all of it, because steps are not all alike.
constexpr double kPromptsShare = 0.75;

}  // namespace

void StepPacer::Mean::add(double value) {
  value_ = value_ ? *value_ + kNewestShare * (value - *value_) : value;
}

size_t StepPacer::class_of(int answer_count) {
  return std::bit_width(static_cast<unsigned>(answer_count - 1));
}

std::optional<double> StepPacer::answer_seconds(int answer_count) const {
  const size_t place = class_of(answer_count);
  const std::optional<double> alone = answers_alone_[place].value();
  return alone ? alone : answers_beside_[place].value();
}

void StepPacer::add(int answer_count, int prompt_tokens, double seconds) {
  if (answer_count == 0) {
    if (prompt_tokens >= kPromptTokensMin) token_alone_.add(seconds / prompt_tokens);
    return;
  }
  const size_t place = class_of(answer_count);
  if (prompt_tokens == 0) return answers_alone_[place].add(seconds);
  if (const auto answers = answers_alone_[place].value()) {
    token_beside_.add(std::max(seconds - *answers, 0.0) / prompt_tokens);
  } else if (const auto token = token_alone_.value()) {
    answers_beside_[place].add(std::max(seconds - *token * prompt_tokens, seconds / 4));
  }
}

int StepPacer::prompt_tokens(int answer_count) const {
  double seconds = step_seconds_max_;
  std::optional<double> token_seconds = token_alone_.value();
  if (answer_count == 0) {
    if (seconds == 0) return kUnlimited;
  } else {
    const std::optional<double> answers = answer_seconds(answer_count);
    if (!answers) return kPromptTokensFirst;
    seconds = seconds > 0 ? seconds - *answers : kPromptsShare * *answers;
    // Beside answers a token may seem to cost nothing, when a step before was slow by accident.
    const double least = token_seconds.value_or(0) / 2;
    if (token_beside_.value()) token_seconds = std::max(*token_beside_.value(), least);
  }
  if (!token_seconds || *token_seconds <= 0) return kPromptTokensFirst;
  if (seconds >= *token_seconds * kUnlimited) return kUnlimited;
  return std::max(static_cast<int>(seconds / *token_seconds), kPromptTokensMin);
}

}  // namespace puna

// StepPacer: how many tokens of prompts a step may have, so that answers beside them keep their
// pace. Learns what steps cost from those that were run. Pure.
//
// Unless it is given a limit, a step with prompts takes less than twice what the answers alone
// take; without answers it takes all there are.
#pragma once

#include <array>
#include <limits>
#include <optional>

namespace puna {

class StepPacer {
 public:
  static constexpr int kUnlimited = std::numeric_limits<int>::max();
  // Fewer are not worth a step's reading of the weights, or its start.
  static constexpr int kPromptTokensMin = 16;
  // As long as nothing is known.
  static constexpr int kPromptTokensFirst = 64;

  // 0: as the answers are.
  explicit StepPacer(double step_seconds_max) : step_seconds_max_(step_seconds_max) {}

  // A step has run, with one token for each of `answer_count` sequences.
  void add(int answer_count, int prompt_tokens, double seconds);
  // Of the next step, beside so many answers.
  int prompt_tokens(int answer_count) const;

 private:
  // Means of about the last ten steps.
  class Mean {
   public:
    void add(double value);
    std::optional<double> value() const { return value_; }

   private:
    std::optional<double> value_;
  };
  static size_t class_of(int answer_count);
  std::optional<double> answer_seconds(int answer_count) const;

  const double step_seconds_max_;
  // A step of up to 1, 2, 4, 8, … answers: alone, and what is left of one that had prompts too.
  std::array<Mean, 32> answers_alone_, answers_beside_;
  // A token of a prompt.
  Mean token_alone_, token_beside_;
};

}  // namespace puna

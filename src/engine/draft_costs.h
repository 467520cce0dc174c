// DraftCosts: what drafted tokens add to the time of a step, learned from steps that were run.
// Pure.
//
// Reading the weights takes most of a step of few tokens, so some more cost little: how many
// depends on model, machine and how many answers there are already. Times are compared with those
// of recent steps without drafts, so that neither deeper texts nor a busier machine look like the
// cost of a draft.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

namespace puna {

class DraftCosts {
 public:
  static constexpr int kAnswersMax = 32;  // with more there are no drafts
  static constexpr int kDraftsMax = 32;   // tokens, in a step

  // A step has run, of one token for each answer and of drafts.
  void add(int answer_count, int draft_count, double seconds);
  // The time of such a step, as a multiple of one without drafts. None: that one is not known, or
  // not any more; one such step, and it is.
  std::optional<double> ratio(int answer_count, int draft_count) const;

 private:
  // As long as nothing is known; what was measured long ago counts no more.
  static constexpr double kTokenRatioFirst = 0.03;
  static constexpr uint64_t kPlainStepsMax = 64;
  static constexpr uint64_t kRatioStepsMax = 512;

  struct Cost {
    double ratio = 0;
    uint64_t step = 0;  // of its last measurement; 0: there is none
  };
  struct Answers {
    double seconds = 0;       // of a step without drafts
    uint64_t plain_step = 0;  // the last of them; 0: there is none
    uint64_t step = 0;
    std::array<Cost, kDraftsMax> costs = {};
  };
  double known_or_first(const Answers& answers, int draft_count) const;

  std::array<Answers, kAnswersMax> by_answers_ = {};
};

}  // namespace puna

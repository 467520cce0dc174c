// DraftAcceptance: how likely the tokens of a sequence's drafts turn out right, learned from those
// that were verified. Pure.
//
// After a long match the next token is more often right than after a short one. What was learned
// fades, so that a sequence whose drafts failed is tried again, seldom.
#pragma once

#include <array>
#include <cstddef>

namespace puna {

class DraftAcceptance {
 public:
  // Of each token of a draft, when all before it are right.
  double probability(int match_length) const;
  // So many of a draft's tokens were right; the one behind them, if any, was not.
  void add(int match_length, int drafted, int accepted);
  // There was a match and no draft.
  void skip(int match_length);

 private:
  struct Counts {
    double right = 0, wrong = 0;
  };
  static constexpr std::array<double, 3> kFirst = {0.3, 0.5, 0.8};
  static size_t class_of(int match_length) {
    return match_length < 4 ? 0 : match_length < 8 ? 1 : 2;
  }

  std::array<Counts, kFirst.size()> counts_ = {};
};

}  // namespace puna

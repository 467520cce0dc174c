// A share of what was right, as if two tokens had been seen before all others.

#include "engine/draft_acceptance.h"

namespace puna {
namespace {

constexpr double kFirstWeight = 2;
constexpr double kKept = 0.95;         // of what is known, with every draft
constexpr double kKeptInSkip = 0.995;  // and with every match that is not tried

}  // namespace

double DraftAcceptance::probability(int match_length) const {
  const size_t place = class_of(match_length);
  const Counts& counts = counts_[place];
  return (counts.right + kFirstWeight * kFirst[place]) /
         (counts.right + counts.wrong + kFirstWeight);
}

void DraftAcceptance::add(int match_length, int drafted, int accepted) {
  Counts& counts = counts_[class_of(match_length)];
  counts.right = kKept * counts.right + accepted;
  counts.wrong = kKept * counts.wrong + (accepted < drafted ? 1 : 0);
}

void DraftAcceptance::skip(int match_length) {
  Counts& counts = counts_[class_of(match_length)];
  counts.right *= kKeptInSkip;
  counts.wrong *= kKeptInSkip;
}

}  // namespace puna

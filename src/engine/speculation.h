// Speculation: which drafted tokens are verified in a step: those that are likely to save more
// than they cost. Pure.
//
// What is drafted never changes an answer, only how many of its tokens a step gives: each is chosen
// from its own row as it would have been alone, and a draft that is not what was chosen ends there.
#pragma once

#include <span>
#include <vector>

#include "engine/draft_acceptance.h"
#include "engine/draft_costs.h"
#include "engine/prompt_lookup.h"
#include "engine/speculation_options.h"

namespace puna {

// Of one sequence.
class SequenceDrafts {
 public:
  explicit SequenceDrafts(const SpeculationOptions& options)
      : lookup_(options.prompt_lookup_min, options.prompt_lookup_max) {}

  // Up to `count_max` tokens that may follow `tokens`, which are those of the last call and more.
  std::vector<TokenId> propose(std::span<const TokenId> tokens, int count_max);
  // Of each token of what was proposed last, when all before it are right.
  double probability() const { return acceptance_.probability(match_length_); }
  // What became of what was tried of it.
  void add(int drafted, int accepted) { acceptance_.add(match_length_, drafted, accepted); }
  void skip();  // nothing of it was tried
  // No more of them: something went wrong behind one.
  void stop() { is_stopped_ = true; }

 private:
  PromptLookup lookup_;
  DraftAcceptance acceptance_;
  int match_length_ = 0;  // of what was proposed last; 0: nothing was
  bool is_stopped_ = false;
};

// What could be verified of a sequence.
struct DraftOffer {
  int token_count = 0;
  double probability = 0;
};

// How many tokens of each offer to verify in a step of `answer_count` answers, at most
// `tokens_max` in all: as many as give the most tokens for the step's time. Answers beside others
// wait no more than a tenth longer for them.
std::vector<int> choose_drafts(std::span<const DraftOffer> offers, int answer_count, int tokens_max,
                               const DraftCosts& costs);

}  // namespace puna

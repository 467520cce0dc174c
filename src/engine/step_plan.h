// StepPlan: which tokens of which sequences run in one step. Plain data.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/llama_config.h"

namespace puna {

using SequenceId = uint64_t;

// Consecutive tokens of one sequence, as SequenceRun has them.
struct PlannedRun {
  SequenceId id = 0;
  int first_position = 0;
  int token_count = 0;              // with the draft
  bool chooses = false;             // has the sequence's last token: its logits choose the next
  std::vector<TokenId> draft = {};  // behind the last token: what perhaps follows it

  int own_count() const { return token_count - static_cast<int>(draft.size()); }
};

struct StepPlan {
  std::vector<PlannedRun> runs;
  std::vector<SequenceId> preempted;

  int token_count() const;
};

std::string describe(const StepPlan& plan);

}  // namespace puna

// "7:[0:64) 9:[64:65)!+3 preempt 11": "!" where the next token is chosen, "+" behind it a draft.

#include "engine/step_plan.h"

#include <fmt/format.h>

namespace puna {

int StepPlan::token_count() const {
  int count = 0;
  for (const PlannedRun& run : runs) count += run.token_count;
  return count;
}

std::string describe(const StepPlan& plan) {
  std::string text;
  for (const PlannedRun& run : plan.runs) {
    text += fmt::format("{}{}:[{}:{}){}", text.empty() ? "" : " ", run.id, run.first_position,
                        run.first_position + run.own_count(), run.chooses ? "!" : "");
    if (!run.draft.empty()) text += fmt::format("+{}", run.draft.size());
  }
  for (const SequenceId id : plan.preempted) text += fmt::format(" preempt {}", id);
  return text;
}

}  // namespace puna

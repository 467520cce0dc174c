// "7:[0:64) 9:[64:100)! preempt 11": "!" where logits are wanted.

#include "engine/step_plan.h"

#include <fmt/format.h>

namespace puna {

std::string describe(const StepPlan& plan) {
  std::string text;
  for (const PlannedRun& run : plan.runs) {
    text += fmt::format("{}{}:[{}:{}){}", text.empty() ? "" : " ", run.id, run.first_position,
                        run.first_position + run.token_count, run.is_last ? "!" : "");
  }
  for (const SequenceId id : plan.preempted) text += fmt::format(" preempt {}", id);
  return text;
}

}  // namespace puna

// A StepBatch in a line of words.

#include "backend/step_batch.h"

#include <fmt/format.h>

namespace puna {

std::string describe(const StepBatch& batch) {
  std::string text;
  for (const SequenceRun& run : batch.runs) {
    if (!text.empty()) text += ' ';
    if (run.token_count == 1 && run.first_position > 0) {
      text += fmt::format("decode {}", run.first_position);
    } else {
      text +=
          fmt::format("prefill [{}:{})", run.first_position, run.first_position + run.token_count);
    }
  }
  return text;
}

}  // namespace puna

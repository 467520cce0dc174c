// The classes of steps.

#include "engine/engine_stats.h"

#include <algorithm>

namespace puna {

void count_step(int token_count, EngineStats& stats) {
  const auto place =
      std::lower_bound(kStepTokenBounds.begin(), kStepTokenBounds.end(), token_count);
  ++stats.steps;
  ++stats.step_token_counts[static_cast<size_t>(place - kStepTokenBounds.begin())];
  stats.step_tokens += static_cast<uint64_t>(token_count);
}

}  // namespace puna

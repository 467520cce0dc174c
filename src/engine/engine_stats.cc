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

void count_draft(int drafted, int accepted, EngineStats& stats) {
  ++stats.drafts;
  stats.draft_tokens += static_cast<uint64_t>(drafted);
  stats.accepted_tokens += static_cast<uint64_t>(accepted);
  for (int i = 0; i < accepted; ++i) ++stats.accepted_by_place[static_cast<size_t>(i)];
}

}  // namespace puna

// SchedulerSnapshot: everything a scheduler holds, as plain data, and what must always be true of
// it. For tests and debug builds.
#pragma once

#include <vector>

#include "base/status.h"
#include "engine/step_plan.h"

namespace puna {

struct SchedulerLimits {
  int max_num_seqs = 0;  // running at once, at most step_tokens_max
  int step_tokens_max = 0;
  int prompt_tokens_max = 0;  // of one prompt in one step; 0: all that is left of the step
  int block_count = 0;        // enough for the longest sequence
  int block_tokens = 64;      // positions in a block
};

struct SequenceSnapshot {
  SequenceId id = 0;
  bool is_running = false;
  int token_count = 0;
  int computed_count = 0;
  int planned_count = 0;
  std::vector<int> block_table;
};

struct SchedulerSnapshot {
  SchedulerLimits limits;
  std::vector<int> free_blocks;
  std::vector<SequenceSnapshot> sequences;  // those that run, oldest first; then those that wait
};

// kInternal with the first rule that is broken: every block is free or in one table; a table has
// room for what was computed and planned and no more than for all its tokens; nothing is computed
// beyond the tokens; who waits holds nothing; no more run than may.
Status validate(const SchedulerSnapshot& snapshot);

}  // namespace puna

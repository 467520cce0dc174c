// SchedulerSnapshot: everything a scheduler holds, as plain data, and what must always be true of
// it. For tests and debug builds.
#pragma once

#include <vector>

#include "backend/backend.h"
#include "base/status.h"
#include "engine/step_plan.h"

namespace puna {

struct SchedulerLimits {
  int max_num_seqs = 0;  // running at once, at most step_tokens_max
  int step_tokens_max = 0;
  int block_count = 0;    // enough for the longest sequence
  int block_tokens = 64;  // positions in a block
  BlockSharing sharing = BlockSharing::kNone;
};

struct BlockSnapshot {
  int holder_count = 0;
  bool is_published = false;
  bool is_pinned = false;  // has a holder beside the tables
  int before = -1;         // of a published one: the one before it, -1: it begins a text
};

struct SequenceSnapshot {
  SequenceId id = 0;
  bool is_running = false;
  int token_count = 0;
  int computed_count = 0;
  int planned_count = 0;
  int draft_count = 0;  // planned behind its tokens
  std::vector<int> block_table;
};

struct SchedulerSnapshot {
  SchedulerLimits limits;
  int free_count = 0;                       // blocks that can be taken
  std::vector<BlockSnapshot> blocks;        // [block_count]
  std::vector<SequenceSnapshot> sequences;  // those that run, oldest first; then those that wait
};

// kInternal with the first rule that is broken: a block has as many holders as tables (and one that
// pins it), and can be taken when it has none; what is computed and published may be in several
// tables and has all that is before it published, what is still written is in one; a table has room
// for what was computed and planned and no more than for all its tokens and a planned draft;
// nothing is computed beyond the tokens; a draft is planned behind all of them; who waits holds
// nothing; no more run than may.
Status validate(const SchedulerSnapshot& snapshot);

}  // namespace puna

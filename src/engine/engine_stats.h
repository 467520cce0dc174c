// EngineStats: a snapshot of what the engine is doing and has done, for /metrics and tests. Plain
// data.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "engine/speculation_options.h"

namespace puna {

// Classes of steps by their tokens, as vLLM's vllm:iteration_tokens_total has them: up to so many.
inline constexpr std::array<int, 13> kStepTokenBounds = {1,   8,    16,   32,   64,   128,  256,
                                                         512, 1024, 2048, 4096, 8192, 16384};

struct EngineStats {
  // now
  int sequences_running = 0;
  int sequences_waiting = 0;
  int blocks_total = 0;
  int blocks_used = 0;    // by those who run; what is only kept for later is not among them
  int blocks_cached = 0;  // kept for later: they make room when it is needed
  int block_tokens = 0;   // positions in a block
  bool has_prefix_cache = false;
  int draft_tokens_max = 0;  // of a sequence in a step; 0: nothing is drafted
  // since start
  uint64_t steps = 0;
  std::array<uint64_t, kStepTokenBounds.size() + 1> step_token_counts{};  // the last: more
  uint64_t step_tokens = 0;                                               // of all steps
  uint64_t prompt_tokens = 0;                                             // computed or cached
  uint64_t generation_tokens = 0;
  uint64_t prefix_cache_queries = 0;  // prompt tokens that were looked for in the prefix cache
  uint64_t prefix_cache_hits = 0;     // those that were there
  // Drafts, their tokens, and those that were right; of these, how many were a draft's first, …
  uint64_t drafts = 0;
  uint64_t draft_tokens = 0;
  uint64_t accepted_tokens = 0;
  std::array<uint64_t, SpeculationOptions::kTokensMax> accepted_by_place{};
  uint64_t preemptions = 0;
  uint64_t finished_stop = 0;
  uint64_t finished_length = 0;
  uint64_t finished_cancelled = 0;
  uint64_t finished_error = 0;
  uint64_t rejected_queue_full = 0;
  double step_seconds = 0;
};

// One more step, of so many tokens.
void count_step(int token_count, EngineStats& stats);
// One more draft.
void count_draft(int drafted, int accepted, EngineStats& stats);

}  // namespace puna

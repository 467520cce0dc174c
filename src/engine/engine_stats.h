// EngineStats: a snapshot of what the engine is doing and has done, for /metrics and tests. Plain
// data.
#pragma once

#include <cstdint>
#include <string>

namespace puna {

struct EngineStats {
  // now
  int sequences_running = 0;
  int sequences_waiting = 0;
  int blocks_total = 0;
  int blocks_used = 0;
  // since start
  uint64_t steps = 0;
  uint64_t prompt_tokens = 0;
  uint64_t generation_tokens = 0;
  uint64_t preemptions = 0;
  uint64_t finished_stop = 0;
  uint64_t finished_length = 0;
  uint64_t finished_cancelled = 0;
  uint64_t finished_error = 0;
  uint64_t rejected_queue_full = 0;
  double step_seconds = 0;
};

}  // namespace puna

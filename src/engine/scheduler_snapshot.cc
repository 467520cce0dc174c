// The invariants of a scheduler, one sentence each.

#include "engine/scheduler_snapshot.h"

#include <cstdint>

namespace puna {
namespace {

template <typename... Args>
Status broken(fmt::format_string<Args...> format, Args&&... args) {
  return error(StatusCode::kInternal, format, std::forward<Args>(args)...);
}

Status own_blocks(const std::vector<int>& blocks, std::vector<bool>& seen) {
  for (const int block : blocks) {
    if (block < 0 || block >= static_cast<int>(seen.size())) {
      return broken("block {} does not exist", block);
    }
    if (seen[static_cast<size_t>(block)]) return broken("block {} has two owners", block);
    seen[static_cast<size_t>(block)] = true;
  }
  return {};
}

Status validate_blocks(const SchedulerSnapshot& snapshot) {
  std::vector<bool> seen(static_cast<size_t>(snapshot.limits.block_count), false);
  RETURN_IF_ERROR(own_blocks(snapshot.free_blocks, seen));
  for (const SequenceSnapshot& one : snapshot.sequences) {
    RETURN_IF_ERROR(own_blocks(one.block_table, seen));
  }
  for (size_t block = 0; block < seen.size(); ++block) {
    if (!seen[block]) return broken("block {} is lost", block);
  }
  return {};
}

Status validate_sequence(const SequenceSnapshot& one, int block_tokens) {
  if (one.token_count < 1) return broken("sequence {} has no token", one.id);
  if (one.computed_count < 0 || one.planned_count < 0) {
    return broken("sequence {} has computed {} and planned {} tokens", one.id, one.computed_count,
                  one.planned_count);
  }
  const int64_t reached = int64_t{one.computed_count} + one.planned_count;
  if (reached > one.token_count) {
    return broken("sequence {} has {} tokens and computed or planned {}", one.id, one.token_count,
                  reached);
  }
  if (!one.is_running && (reached > 0 || !one.block_table.empty())) {
    return broken("sequence {} waits and holds blocks or computed tokens", one.id);
  }
  const auto room = static_cast<int64_t>(one.block_table.size()) * block_tokens;
  if (room < reached) return broken("sequence {} has blocks for {} of {}", one.id, room, reached);
  if (room - block_tokens >= one.token_count) {
    return broken("sequence {} has blocks for {} positions and {} tokens", one.id, room,
                  one.token_count);
  }
  return {};
}

}  // namespace

Status validate(const SchedulerSnapshot& snapshot) {
  int running_count = 0;
  bool has_waiting = false;
  for (const SequenceSnapshot& one : snapshot.sequences) {
    RETURN_IF_ERROR(validate_sequence(one, snapshot.limits.block_tokens));
    if (one.is_running && has_waiting) return broken("sequence {} is in two lists", one.id);
    running_count += one.is_running ? 1 : 0;
    has_waiting = has_waiting || !one.is_running;
  }
  if (running_count > snapshot.limits.max_num_seqs) {
    return broken("{} sequences run, at most {}", running_count, snapshot.limits.max_num_seqs);
  }
  return validate_blocks(snapshot);
}

}  // namespace puna

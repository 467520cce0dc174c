// The invariants of a scheduler, one sentence each.

#include "engine/scheduler_snapshot.h"

#include <cstdint>
#include <iterator>
#include <utility>

namespace puna {
namespace {

template <typename... Args>
Status broken(fmt::format_string<Args...> format, Args&&... args) {
  return error(StatusCode::kInternal, format, std::forward<Args>(args)...);
}

Status count_holders(const SequenceSnapshot& one, const SchedulerSnapshot& snapshot,
                     std::vector<int>& counts) {
  int before = -1;
  for (size_t i = 0; i < one.block_table.size(); ++i) {
    const int number = one.block_table[i];
    if (number < 0 || number >= std::ssize(counts)) {
      return broken("block {} does not exist", number);
    }
    ++counts[static_cast<size_t>(number)];
    const BlockSnapshot& block = snapshot.blocks[static_cast<size_t>(number)];
    const bool is_full = std::cmp_less_equal(
        (i + 1) * static_cast<size_t>(snapshot.limits.block_tokens), one.computed_count);
    if (!is_full && (block.is_published || block.holder_count != 1)) {
      return broken("block {} is still written and has {} holders", number, block.holder_count);
    }
    if (block.is_published && block.before != before) {
      return broken("block {} comes after {} in sequence {} and was published after {}", number,
                    before, one.id, block.before);
    }
    before = number;
  }
  return {};
}

Status validate_blocks(const SchedulerSnapshot& snapshot) {
  if (std::ssize(snapshot.blocks) != snapshot.limits.block_count) {
    return broken("{} blocks of {}", snapshot.blocks.size(), snapshot.limits.block_count);
  }
  std::vector<int> counts(snapshot.blocks.size(), 0);
  for (const SequenceSnapshot& one : snapshot.sequences) {
    RETURN_IF_ERROR(count_holders(one, snapshot, counts));
  }
  int free_count = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    const BlockSnapshot& block = snapshot.blocks[i];
    counts[i] += block.is_pinned ? 1 : 0;
    if (block.holder_count != counts[i]) {
      return broken("block {} has {} holders and is in {} tables", i, block.holder_count,
                    counts[i]);
    }
    if (counts[i] > 1 && !block.is_published) return broken("block {} has two owners", i);
    free_count += counts[i] == 0 ? 1 : 0;
    if (!block.is_published || block.before < 0) continue;
    const BlockSnapshot& before = snapshot.blocks[static_cast<size_t>(block.before)];
    if (!before.is_published || (counts[i] > 0 && before.holder_count == 0)) {
      return broken("block {} is kept without block {} before it", i, block.before);
    }
  }
  if (free_count == snapshot.free_count) return {};
  return broken("{} blocks can be taken, and {} have no holder", snapshot.free_count, free_count);
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
  if (one.draft_count < 0 || (one.draft_count > 0 && reached != one.token_count)) {
    return broken("sequence {} has a draft of {} behind {} of {} tokens", one.id, one.draft_count,
                  reached, one.token_count);
  }
  const int64_t token_count = int64_t{one.token_count} + one.draft_count;
  const int64_t planned = reached + one.draft_count;
  const auto room = static_cast<int64_t>(one.block_table.size()) * block_tokens;
  if (room < planned) return broken("sequence {} has blocks for {} of {}", one.id, room, planned);
  if (room - block_tokens >= token_count) {
    return broken("sequence {} has blocks for {} positions and {} tokens", one.id, room,
                  token_count);
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

// A victim of preemption is always younger than the sequence that needs its blocks, so it has no
// run in the plan yet, and the oldest sequence always makes progress.

#include "engine/scheduler.h"

#include <algorithm>

#include "backend/step_batch.h"
#include "base/check.h"

namespace puna {
namespace {

int blocks_for(int position_count) { return (position_count + kBlockTokens - 1) / kBlockTokens; }

}  // namespace

Scheduler::Scheduler(const SchedulerLimits& limits) : limits_(limits), blocks_(limits.block_count) {
  CHECK(limits.max_num_seqs <= limits.step_tokens_max,
        "every running sequence needs a token of the step");
}

void Scheduler::add(SequenceId id, int token_count) {
  entries_[id].token_count = token_count;
  waiting_.push_back(id);
}

void Scheduler::append_token(SequenceId id) {
  Entry& entry = entries_.at(id);
  CHECK(entry.remaining() == 0, "a token was chosen before the ones ahead of it were computed");
  ++entry.token_count;
}

void Scheduler::remove(SequenceId id) {
  const auto found = entries_.find(id);
  if (found == entries_.end()) return;
  blocks_.release(found->second.block_table);
  entries_.erase(found);
  std::erase(running_, id);
  std::erase(waiting_, id);
}

const std::vector<int>& Scheduler::block_table(SequenceId id) const {
  return entries_.at(id).block_table;
}

StepPlan Scheduler::plan() {
  StepPlan plan;
  int budget = limits_.step_tokens_max;
  plan_running(plan, budget);
  // Blocks that were just taken from somebody are not handed to a newcomer in the same step.
  if (plan.preempted.empty()) admit_waiting(plan, budget);
  CHECK(idle() || !plan.runs.empty(), "sequences wait and none can run");
  return plan;
}

// Only the youngest can be in the middle of its prompt: nobody is admitted while a prompt takes all
// that is left of a step. So everybody else decodes and gets a token.
void Scheduler::plan_running(StepPlan& plan, int& budget) {
  for (size_t i = 0; i < running_.size(); ++i) {
    const SequenceId id = running_[i];
    Entry& entry = entries_.at(id);
    const int count = std::min(entry.remaining(), budget);
    if (!make_room(id, entry, entry.computed_count + count, plan)) break;
    add_run(id, entry, count, plan, budget);
  }
}

void Scheduler::admit_waiting(StepPlan& plan, int& budget) {
  while (!waiting_.empty() && budget > 0 && running_count() < limits_.max_num_seqs) {
    const SequenceId id = waiting_.front();
    Entry& entry = entries_.at(id);
    // Room for all of it and one token more, or it would soon be preempted again.
    if (blocks_for(entry.token_count + 1) > blocks_.free_count() && running_count() > 0) return;
    waiting_.pop_front();
    running_.push_back(id);
    const int count = std::min(entry.remaining(), budget);
    if (!make_room(id, entry, count, plan)) return;
    add_run(id, entry, count, plan, budget);
  }
}

bool Scheduler::make_room(SequenceId id, Entry& entry, int position_count, StepPlan& plan) {
  const auto needed = static_cast<size_t>(blocks_for(position_count));
  while (entry.block_table.size() < needed) {
    if (blocks_.free_count() > 0) {
      entry.block_table.push_back(blocks_.allocate());
      continue;
    }
    const bool is_youngest = running_.back() == id;
    CHECK(!is_youngest || running_.size() > 1, "the longest sequence needs more than all blocks");
    preempt_youngest(plan);
    if (is_youngest) return false;
  }
  return true;
}

void Scheduler::preempt_youngest(StepPlan& plan) {
  const SequenceId id = running_.back();
  running_.pop_back();
  Entry& entry = entries_.at(id);
  blocks_.release(entry.block_table);
  entry.computed_count = 0;
  waiting_.push_front(id);
  plan.preempted.push_back(id);
}

void Scheduler::add_run(SequenceId id, Entry& entry, int token_count, StepPlan& plan, int& budget) {
  plan.runs.push_back({.id = id,
                       .first_position = entry.computed_count,
                       .token_count = token_count,
                       .is_last = entry.remaining() == token_count});
  entry.computed_count += token_count;
  budget -= token_count;
}

}  // namespace puna

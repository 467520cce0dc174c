// Scheduler: decides which tokens of which sequences run in the next step. Pure: no thread, no
// clock.
//
// Oldest first. Every running sequence that decodes gets its token; what is left of the step's
// tokens goes to prompts, in chunks. When blocks run out, the youngest running sequence gives all
// of its blocks back and waits at the head of the queue, to be computed again from its beginning.
#pragma once

#include <deque>
#include <unordered_map>
#include <vector>

#include "engine/kv_blocks.h"
#include "engine/step_plan.h"

namespace puna {

struct SchedulerLimits {
  int max_num_seqs = 0;  // running at once, at most step_tokens_max
  int step_tokens_max = 0;
  int block_count = 0;  // enough for the longest sequence
};

class Scheduler {
 public:
  explicit Scheduler(const SchedulerLimits& limits);

  // A new sequence of `token_count` tokens joins the queue.
  void add(SequenceId id, int token_count);
  // Its next token was chosen; everything before has been computed.
  void append_token(SequenceId id);
  // Finished or cancelled: its blocks are free.
  void remove(SequenceId id);

  // The next step, which the caller runs whole. Empty when there is nothing to do.
  StepPlan plan();

  const std::vector<int>& block_table(SequenceId id) const;
  int running_count() const { return static_cast<int>(running_.size()); }
  int waiting_count() const { return static_cast<int>(waiting_.size()); }
  bool idle() const { return entries_.empty(); }
  const KvBlocks& blocks() const { return blocks_; }

 private:
  struct Entry {
    int token_count = 0;
    int computed_count = 0;
    std::vector<int> block_table;

    int remaining() const { return token_count - computed_count; }
  };

  // False when it had to give way itself.
  bool make_room(SequenceId id, Entry& entry, int position_count, StepPlan& plan);
  void preempt_youngest(StepPlan& plan);
  void plan_running(StepPlan& plan, int& budget);
  void admit_waiting(StepPlan& plan, int& budget);
  static void add_run(SequenceId id, Entry& entry, int token_count, StepPlan& plan, int& budget);

  const SchedulerLimits limits_;
  KvBlocks blocks_;
  std::unordered_map<SequenceId, Entry> entries_;
  std::vector<SequenceId> running_;  // oldest first
  std::deque<SequenceId> waiting_;
};

}  // namespace puna

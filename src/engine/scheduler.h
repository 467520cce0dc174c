// Scheduler: decides which tokens of which sequences run in the next step. Pure: no thread, no
// clock.
//
// Oldest first. Every running sequence gets at least one token of every step; what is left of the
// step's tokens goes to prompts, in chunks. When blocks run out, the youngest running sequence
// gives all of its blocks back and waits at the head of the queue, to be computed again: from its
// beginning, or from where the blocks that are still published end.
//
// A step is planned, then committed or rolled back: until then none of its tokens counts as
// computed, and none of its blocks is published.
#pragma once

#include <deque>
#include <limits>
#include <span>
#include <unordered_map>
#include <vector>

#include "engine/kv_pool.h"
#include "engine/scheduler_snapshot.h"
#include "engine/step_plan.h"
#include "model/llama_config.h"

namespace puna {

// What became of a planned run.
struct RunOutcome {
  SequenceId id = 0;
  int computed_count = 0;               // of its tokens, from the first on
  std::span<const TokenId> added = {};  // the tokens that follow; only when all before are computed
};

// What there is to know of a sequence besides its tokens.
struct SequenceOptions {
  static constexpr int64_t kUnknownLength = std::numeric_limits<int32_t>::max();

  int64_t tokens_max = kUnknownLength;  // whose K and V will be kept at most
  bool reads_cache = true;              // false: all of its tokens are computed
  CacheSalt cache_salt = nullptr;
};

class Scheduler {
 public:
  explicit Scheduler(const SchedulerLimits& limits);

  // A new sequence joins the queue; it has at least one token.
  void add(SequenceId id, std::vector<TokenId> tokens, SequenceOptions options = {});
  // Finished or cancelled: its blocks are free. No effect on one that is gone already.
  void remove(SequenceId id);

  // The next step; its blocks are taken. Empty when there is nothing to do. One at a time: commit()
  // or roll_back() comes before the next one.
  StepPlan plan();
  // The step has run. `outcomes` are in the order of the plan's runs; a run without one did not
  // run, and one of a removed sequence has no effect.
  void commit(const StepPlan& plan, std::span<const RunOutcome> outcomes);
  // The step did not run: as if it had not been planned, but for preemptions.
  void roll_back(const StepPlan& plan);

  // Its prompt, then what was added. Valid until the next commit().
  std::span<const TokenId> tokens(SequenceId id) const { return entries_.at(id).tokens; }
  const std::vector<int>& block_table(SequenceId id) const { return entries_.at(id).block_table; }
  int running_count() const { return static_cast<int>(running_.size()); }
  int waiting_count() const { return static_cast<int>(waiting_.size()); }
  bool idle() const { return entries_.empty(); }
  bool has_planned() const { return has_planned_; }
  const KvPool& blocks() const { return blocks_; }
  SchedulerSnapshot snapshot() const;

 private:
  struct Entry {
    std::vector<TokenId> tokens;
    SequenceOptions options;
    int computed_count = 0;
    int planned_count = 0;    // in the step that is planned and neither committed nor rolled back
    int shareable_count = 0;  // of those computed, from the first on, as BlockSharing has it
    int published_count = 0;  // blocks, from the first on
    std::vector<int> block_table;

    int remaining() const { return static_cast<int>(tokens.size()) - computed_count; }
  };

  int64_t blocks_for(int64_t position_count) const;
  int64_t promised_blocks() const;
  std::span<const TokenId> tokens_of_block(const Entry& entry, int index) const;
  std::vector<int> cached_blocks(const Entry& entry) const;
  bool has_room_for(const Entry& entry, const std::vector<int>& cached) const;
  void begin(Entry& entry, std::vector<int> cached);
  int64_t blocks_to_grow() const;
  // False when it had to give way itself.
  bool make_room(SequenceId id, Entry& entry, int position_count, StepPlan& plan);
  void preempt_youngest(StepPlan& plan);
  void plan_running(StepPlan& plan, int& budget);
  void admit_waiting(StepPlan& plan, int& budget);
  int chunk_of(const Entry& entry, int budget) const;
  static void add_run(SequenceId id, Entry& entry, int token_count, StepPlan& plan, int& budget);
  void apply(const RunOutcome& outcome, Entry& entry);
  void publish(Entry& entry);
  void take_back(SequenceId id);
  SequenceSnapshot snapshot_of(SequenceId id, bool is_running) const;

  const SchedulerLimits limits_;
  KvPool blocks_;
  std::unordered_map<SequenceId, Entry> entries_;
  std::vector<SequenceId> running_;  // oldest first
  std::deque<SequenceId> waiting_;
  bool has_planned_ = false;
};

}  // namespace puna

// Scheduler: decides which tokens of which sequences run in the next step. Pure: no thread, no
// clock.
//
// Every running sequence gets a token of every step. What is left goes to prompts: half of it to
// the oldest, so that it comes to an end, and half to the shortest, waiting ones too, so that they
// do not wait for it. When blocks run out, the youngest running sequence gives all of its blocks
// back and waits before all others, to be computed again from where what is published ends.
//
// A step is planned, then committed or rolled back: until then nothing of it counts as computed.
#pragma once

#include <limits>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "engine/kv_pool.h"
#include "engine/scheduler_snapshot.h"
#include "engine/step_plan.h"
#include "engine/waiting_line.h"
#include "model/llama_config.h"

namespace puna {

// What became of a planned run.
struct RunOutcome {
  SequenceId id = 0;
  int computed_count = 0;  // of its tokens, from the first on; of a draft those that were right
  // The tokens that follow, those of the draft too; only when all before are computed.
  std::span<const TokenId> added = {};
};

// What there is to know of a sequence besides its tokens.
struct SequenceOptions {
  static constexpr int64_t kUnknownLength = std::numeric_limits<int32_t>::max();

  int64_t tokens_max = kUnknownLength;  // whose K and V will be kept at most
  bool reads_cache = true;              // false: all of its tokens are computed
  CacheSalt cache_salt = nullptr;
  ClientIndex client = 0;
  int priority = 0;  // the smaller is served first
};

class Scheduler {
 public:
  static constexpr int kUnlimited = std::numeric_limits<int>::max();

  explicit Scheduler(const SchedulerLimits& limits);

  // A new sequence joins the queue; it has at least one token.
  void add(SequenceId id, std::vector<TokenId> tokens, SequenceOptions options = {});
  // Finished or cancelled: its blocks are free. No effect on one that is gone already.
  void remove(SequenceId id);

  // What is published of a sequence stays for everybody. False, and nothing done, when fewer than
  // `left_min` blocks would be left to take.
  bool pin(SequenceId id, int left_min);

  // The next step; its blocks are taken. It has up to `prompt_tokens` (at least 1) of prompts
  // beside the token that everybody gets. Empty when there is nothing to do. One at a time:
  // commit() or roll_back() comes before the next one.
  StepPlan plan(int prompt_tokens = kUnlimited);
  // Perhaps follows the last token of a planned run that chooses: as many as blocks are free and
  // the step has room for join the run. Nobody gives way for them. Returns how many.
  int add_draft(StepPlan& plan, size_t run_index, std::span<const TokenId> draft);
  // The step has run. `outcomes` are in the order of the plan's runs; a run without one did not
  // run, and one of a removed sequence has no effect.
  void commit(const StepPlan& plan, std::span<const RunOutcome> outcomes);
  // The step did not run: as if it had not been planned, but for preemptions.
  void roll_back(const StepPlan& plan);

  // Its prompt, then what was added. Valid until the next commit().
  std::span<const TokenId> tokens(SequenceId id) const { return entries_.at(id).tokens; }
  const std::vector<int>& block_table(SequenceId id) const { return entries_.at(id).block_table; }
  int running_count() const { return static_cast<int>(running_.size()); }
  int waiting_count() const { return waiting_.size(); }
  // Those who wait, in the order in which they would begin if nobody else came.
  std::vector<SequenceId> waiting_in_turn() const;
  int answering_count() const;  // of those who run, whose prompt is computed
  bool idle() const { return entries_.empty(); }
  bool has_planned() const { return has_planned_; }
  const KvPool& blocks() const { return blocks_; }
  SchedulerSnapshot snapshot() const;

 private:
  struct Entry {
    std::vector<TokenId> tokens;
    SequenceOptions options;
    bool has_begun = false;
    int prompt_count = 0;
    int computed_count = 0;
    int planned_count = 0;    // in the step that is planned and neither committed nor rolled back
    int draft_count = 0;      // in it too, behind all tokens
    size_t run_index = 0;     // of StepPlan::runs, while planned
    int published_count = 0;  // blocks, from the first on
    std::vector<int> block_table;

    int remaining() const { return static_cast<int>(tokens.size()) - computed_count; }
    int unplanned() const { return remaining() - planned_count; }
  };
  // Whoever would begin next, and what is cached of it.
  struct Newcomer {
    SequenceId id = 0;
    std::vector<int> cached;
    int remaining = 0;
  };

  int64_t blocks_for(int64_t position_count) const;
  int64_t promised_blocks() const;
  int64_t blocks_to_grow() const;
  int shareable_max(const Entry& entry) const;
  std::span<const TokenId> tokens_of_block(const Entry& entry, int index) const;
  std::vector<int> cached_blocks(const Entry& entry) const;

  void plan_running(StepPlan& plan);
  void plan_prompts(int budget, StepPlan& plan);
  std::optional<Newcomer> newcomer() const;
  bool has_room_for(const Newcomer& one) const;
  void begin(Newcomer one);
  // False when it had to give way itself.
  bool make_room(SequenceId id, Entry& entry, int position_count, StepPlan& plan);
  void preempt_youngest(StepPlan& plan);
  int add_tokens(SequenceId id, int count_max, StepPlan& plan);
  void apply(const RunOutcome& outcome, Entry& entry);
  void publish(Entry& entry);
  void take_back(SequenceId id);
  SequenceSnapshot snapshot_of(SequenceId id, bool is_running) const;

  const SchedulerLimits limits_;
  KvPool blocks_;
  std::unordered_map<SequenceId, Entry> entries_;
  std::vector<SequenceId> running_;  // by priority, then the oldest first
  WaitingLine waiting_;
  bool has_planned_ = false;
};

}  // namespace puna

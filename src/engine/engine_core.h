// EngineCore: sequences, their schedule and the backend: what the engine's thread owns. It has no
// thread and no lock of its own.
//
// Nothing that goes wrong in a step leaves it: the step's sequences end with the error.
#pragma once

#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "engine/engine.h"
#include "engine/scheduler.h"
#include "engine/sequence.h"
#include "engine/step_pacer.h"
#include "engine/step_sampling.h"

namespace puna {

// A sequence that is gone; its listener has yet to be told.
struct EndedSequence {
  SequenceId id = 0;
  std::shared_ptr<SequenceListener> listener;
  SequenceEnd end;
};

class EngineCore {
 public:
  // The options have been checked against the backend.
  EngineCore(std::unique_ptr<Backend> backend, EngineOptions options, const Clock& clock);

  // The request has been checked too.
  void add(SequenceId id, EngineRequest request);
  // No effect on a sequence that is gone already.
  void end(SequenceId id, const SequenceEnd& end);
  void end_all(const SequenceEnd& end);
  // One step of whoever can run, and its tokens handed out.
  void step();

  bool idle() const { return scheduler_.idle(); }
  // Those that have ended since the last call.
  std::vector<EndedSequence> take_ended();
  EngineStats stats() const;
  const Backend& backend() const { return *backend_; }
  const SchedulerLimits& limits() const { return limits_; }

 private:
  // A step's batch, and its rows in the order of the batch's wanted rows.
  struct PreparedStep {
    StepBatch batch;
    std::vector<StepRow> rows;
  };

  void end_late(Clock::Time now);
  void tell_places(Clock::Time now);
  Status run(const StepPlan& plan);
  PreparedStep prepare(const StepPlan& plan);
  void begin(const PlannedRun& run, Sequence& sequence);
  void add_rows(size_t run_index, const PlannedRun& run, PreparedStep& step);
  void hand_out(const StepPlan& plan, std::span<StepRow> rows);
  void add_prompt_logprobs(std::span<StepRow> rows, Sequence& sequence);
  std::optional<SequenceEnd> hand_out_tokens(const PlannedRun& run, std::span<const StepRow> rows,
                                             Sequence& sequence, std::vector<TokenId>& chosen);
  std::optional<SequenceEnd> hand_out_token(const TokenChoice& choice, int length,
                                            Sequence& sequence);
  Status pin(SequenceId id);
  void fail_step(const StepPlan& plan, const Status& error);
  int next_prompt_tokens() const;
  void add_drafts(StepPlan& plan);
  int draft_room(const PlannedRun& run, const Sequence& sequence) const;
  void measure(const StepPlan& plan, double seconds);
  void count_prompt(const PlannedRun& run, Sequence& sequence);
  bool is_end(const Sequence& sequence, TokenId token) const;

  const std::unique_ptr<Backend> backend_;
  const EngineOptions options_;
  const Clock& clock_;
  const SchedulerLimits limits_;
  const SpeculationOptions speculation_;
  Scheduler scheduler_;
  StepPacer pacer_;
  DraftCosts draft_costs_;
  std::unordered_map<SequenceId, Sequence> sequences_;  // the scheduler's ids
  std::vector<EndedSequence> ended_;
  Clock::Time places_told_;
  bool has_newcomers_ = false;  // who have not been told their places
  EngineStats stats_;           // what has been counted; what is now comes from the scheduler
};

}  // namespace puna

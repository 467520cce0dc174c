// A step: plan, run, read the rows, hand out, commit. Whoever ends in it is removed last.

#include "engine/engine_core.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/exceptions.h"
#include "base/log.h"
#include "engine/engine_limits.h"

namespace puna {
namespace {

int planned_tokens(const StepPlan& plan) {
  int count = 0;
  for (const PlannedRun& run : plan.runs) count += run.token_count;
  return count;
}

void measure(const StepPlan& plan, double seconds, StepPacer& pacer) {
  const auto answers = std::count_if(plan.runs.begin(), plan.runs.end(),
                                     [](const PlannedRun& run) { return run.token_count == 1; });
  const int answer_count = static_cast<int>(answers);
  pacer.add(answer_count, planned_tokens(plan) - answer_count, seconds);
}

SequenceOptions scheduling_of(const EngineRequest& request) {
  SequenceOptions options;
  // The last token that is chosen is not computed.
  options.tokens_max = std::ssize(request.prompt) + std::max(request.sampling.max_tokens - 1, 0);
  options.client = request.origin.client;
  options.priority = request.priority;
  options.reads_cache = !request.sampling.prompt_logprobs;  // they need the row of every token
  if (!request.cache_salt.empty()) {
    options.cache_salt = std::make_shared<const std::string>(request.cache_salt);
  }
  return options;
}

// A check that gets no memory has found nothing.
[[maybe_unused]] bool is_whole(const Scheduler& scheduler) {
  bool whole = true;
  const Status checked = catching([&] {
    whole = validate(scheduler.snapshot()).ok();
    return Status();
  });
  return whole || !checked.ok();
}

}  // namespace

EngineCore::EngineCore(std::unique_ptr<Backend> backend, EngineOptions options, const Clock& clock)
    : backend_(std::move(backend)),
      options_(without_unknown_ends(std::move(options), backend_->limits().vocab_size)),
      clock_(clock),
      limits_(scheduler_limits(*backend_, options_)),
      scheduler_(limits_),
      pacer_(options_.step_seconds_max) {}

void EngineCore::add(SequenceId id, EngineRequest request) {
  const std::shared_ptr<SequenceListener> listener = request.listener;
  const Status added = catching([&] {
    ended_.reserve(ended_.size() + sequences_.size() + 2);  // ending takes no memory
    SequenceOptions scheduling = scheduling_of(request);
    sequences_.try_emplace(id, request, options_.eos_token_ids);
    scheduler_.add(id, std::move(request.prompt), std::move(scheduling));
    return Status();
  });
  if (added.ok()) return;
  scheduler_.remove(id);
  sequences_.erase(id);
  ++stats_.finished_error;
  ended_.push_back({id, listener, {.finish = EngineFinish::kError, .error = added}});
}

void EngineCore::end(SequenceId id, const SequenceEnd& end) {
  const auto found = sequences_.find(id);
  if (found == sequences_.end()) return;
  ended_.push_back({id, found->second.listener, end});
  scheduler_.remove(id);
  sequences_.erase(found);
  stats_.finished_stop += end.finish == EngineFinish::kStop ? 1 : 0;
  stats_.finished_length += end.finish == EngineFinish::kLength ? 1 : 0;
  stats_.finished_cancelled += end.finish == EngineFinish::kCancelled ? 1 : 0;
  stats_.finished_error += end.finish == EngineFinish::kError ? 1 : 0;
}

void EngineCore::end_all(const SequenceEnd& end) {
  while (!sequences_.empty()) this->end(sequences_.begin()->first, end);
}

std::vector<EndedSequence> EngineCore::take_ended() {
  if (ended_.empty()) return {};
  std::vector<EndedSequence> next;
  next.reserve(sequences_.size() + 1);
  return std::exchange(ended_, std::move(next));
}

EngineStats EngineCore::stats() const {
  EngineStats stats = stats_;
  stats.blocks_total = scheduler_.blocks().total();
  stats.block_tokens = backend_->traits().block_tokens;
  stats.blocks_used = scheduler_.blocks().used_count();
  stats.blocks_cached = scheduler_.blocks().idle_count();
  stats.has_prefix_cache = limits_.sharing != BlockSharing::kNone;
  stats.sequences_running = scheduler_.running_count();
  stats.sequences_waiting = scheduler_.waiting_count();
  return stats;
}

void EngineCore::step() {
  const Clock::Time started = clock_.now();
  StepPlan plan;
  const Status status = catching([&] {
    plan = scheduler_.plan(next_prompt_tokens());
    return run(plan);
  });
  if (!status.ok()) fail_step(plan, status);
  DCHECK(is_whole(scheduler_), "a step leaves the scheduler whole");
  DCHECK(std::ssize(sequences_) == scheduler_.running_count() + scheduler_.waiting_count(),
         "who is in the engine is in the schedule");
  count_step(planned_tokens(plan), stats_);
  const std::chrono::duration<double> taken = clock_.now() - started;
  stats_.step_seconds += taken.count();
  if (status.ok()) measure(plan, taken.count(), pacer_);
  stats_.preemptions += plan.preempted.size();
}

// Where every step of some size costs the same, shorter ones save nothing.
int EngineCore::next_prompt_tokens() const {
  const bool has_fixed_shapes = !backend_->traits().shapes.token_buckets.empty();
  if (has_fixed_shapes && options_.step_seconds_max == 0) return Scheduler::kUnlimited;
  return pacer_.prompt_tokens(scheduler_.answering_count());
}

Status EngineCore::run(const StepPlan& plan) {
  PreparedStep step = prepare(plan);
  RETURN_IF_ERROR(backend_->start(step.batch));
  ASSIGN_OR_RETURN(const StepResult result, backend_->finish());
  for (size_t i = 0; i < step.rows.size(); ++i) step.rows[i].logits = result.logits.row(i);
  choose_tokens(step.rows, backend_->pool());
  hand_out(plan, step.rows);
  return {};
}

// What fails beside the backend (no memory for a list, a listener) fails the step as well.
void EngineCore::fail_step(const StepPlan& plan, const Status& error) {
  log_error("a step failed ({}): {}", describe(plan), error.message());
  if (scheduler_.has_planned()) scheduler_.roll_back(plan);
  const SequenceEnd failed = {.finish = EngineFinish::kError, .error = error};
  for (const PlannedRun& run : plan.runs) end(run.id, failed);
  const Status health = backend_->health();
  // Without a plan its sequences are not known; without a backend none of them can go on.
  if (plan.runs.empty() || !health.ok()) {
    end_all({.finish = EngineFinish::kError, .error = health.ok() ? error : health});
  }
}

EngineCore::PreparedStep EngineCore::prepare(const StepPlan& plan) {
  PreparedStep step;
  for (size_t i = 0; i < plan.runs.size(); ++i) {
    const PlannedRun& run = plan.runs[i];
    Sequence& sequence = sequences_.at(run.id);
    if (!std::exchange(sequence.started, true)) begin(run, sequence);
    add_rows(i, run, step);
    const auto tokens = scheduler_.tokens(run.id).subspan(static_cast<size_t>(run.first_position),
                                                          static_cast<size_t>(run.token_count));
    step.batch.runs.push_back({.first_token = static_cast<int>(step.batch.tokens.size()),
                               .token_count = run.token_count,
                               .first_position = run.first_position,
                               .block_table = scheduler_.block_table(run.id),
                               .prompt_count = sequence.prompt_count});
    step.batch.tokens.insert(step.batch.tokens.end(), tokens.begin(), tokens.end());
  }
  return step;
}

// Before its first run, what comes before it is what the cache had.
void EngineCore::begin(const PlannedRun& run, Sequence& sequence) {
  sequence.listener->on_scheduled(run.first_position);
  if (limits_.sharing == BlockSharing::kNone || sequence.sampling.prompt_logprobs) return;
  stats_.prefix_cache_queries += static_cast<uint64_t>(sequence.prompt_count);
  stats_.prefix_cache_hits += static_cast<uint64_t>(run.first_position);
}

void EngineCore::add_rows(size_t run_index, const PlannedRun& run, PreparedStep& step) {
  Sequence& sequence = sequences_.at(run.id);
  const std::span<const TokenId> tokens = scheduler_.tokens(run.id);
  const int first_token = static_cast<int>(step.batch.tokens.size());
  const auto add = [&](int offset, const StepRow& row) {
    step.batch.wanted_rows.push_back({.token = first_token + offset, .use = row.use});
    step.rows.push_back(row);
  };
  for (int i = 0; i < run.token_count && sequence.sampling.prompt_logprobs; ++i) {
    const int position = run.first_position + i;
    if (position < sequence.scored_count || position + 1 >= sequence.prompt_count) continue;
    add(i, {.run_index = run_index,
            .use = RowUse::kScorePrompt,
            .next = tokens[static_cast<size_t>(position) + 1],
            .top_count = sequence.sampling.prompt_logprobs.value_or(0)});
  }
  if (!run.chooses || sequence.sampling.max_tokens == 0) return;
  add(run.token_count - 1,
      {.run_index = run_index, .use = RowUse::kChoose, .sampler = &sequence.sampler});
}

void EngineCore::hand_out(const StepPlan& plan, std::span<StepRow> rows) {
  std::vector<RunOutcome> outcomes;
  std::vector<std::pair<SequenceId, SequenceEnd>> ends;
  auto row = rows.begin();
  for (size_t i = 0; i < plan.runs.size(); ++i) {
    const PlannedRun& run = plan.runs[i];
    const auto rows_end =
        std::find_if(row, rows.end(), [i](const StepRow& one) { return one.run_index != i; });
    const std::span<StepRow> own(row, rows_end);
    row = rows_end;
    const auto bad =
        std::find_if(own.begin(), own.end(), [](const StepRow& one) { return !one.error.ok(); });
    if (bad != own.end()) {
      ends.emplace_back(run.id, SequenceEnd{.finish = EngineFinish::kError, .error = bad->error});
      continue;
    }
    Sequence& sequence = sequences_.at(run.id);
    count_prompt(run, sequence);
    add_prompt_logprobs(own, sequence);
    outcomes.push_back({.id = run.id, .computed_count = run.token_count});
    if (!run.chooses) continue;
    if (const auto ended = hand_out_token(run, own, sequence)) {
      ends.emplace_back(run.id, *ended);
    } else {
      outcomes.back().added = std::span(&own.back().choice.token, 1);
    }
  }
  scheduler_.commit(plan, outcomes);
  for (auto& [id, sequence_end] : ends) {
    if (sequences_.at(id).pins_prompt && sequence_end.finish == EngineFinish::kLength) {
      if (const Status pinned = pin(id); !pinned.ok()) {
        sequence_end = {.finish = EngineFinish::kError, .error = pinned};
      }
    }
    end(id, sequence_end);
  }
}

Status EngineCore::pin(SequenceId id) {
  const int longest =
      static_cast<int>(blocks_for(backend_->limits().max_model_len, limits_.block_tokens));
  if (scheduler_.pin(id, longest)) return {};
  return error(StatusCode::kResourceExhausted,
               "the KV cache has {} blocks, and one sequence of --max-model-len {} would not fit "
               "beside what is kept; raise --kv-cache-memory-bytes, lower --max-model-len, or keep "
               "less",
               limits_.block_count, backend_->limits().max_model_len);
}

// Computing a prompt again after a preemption is not counted; what was cached is, with the first
// run.
void EngineCore::count_prompt(const PlannedRun& run, Sequence& sequence) {
  const int end = std::min(run.first_position + run.token_count, sequence.prompt_count);
  if (end <= sequence.prompt_counted) return;
  stats_.prompt_tokens += static_cast<uint64_t>(end - sequence.prompt_counted);
  sequence.prompt_counted = end;
}

void EngineCore::add_prompt_logprobs(std::span<StepRow> rows, Sequence& sequence) {
  for (StepRow& row : rows) {
    if (row.use != RowUse::kScorePrompt) continue;
    sequence.prompt_logprobs.push_back(std::move(row.choice));
    ++sequence.scored_count;
  }
}

// How the sequence ends with its new token, if it does.
std::optional<SequenceEnd> EngineCore::hand_out_token(const PlannedRun& run,
                                                      std::span<StepRow> rows, Sequence& sequence) {
  const int length = run.first_position + run.token_count;
  if (sequence.sampling.prompt_logprobs && length == sequence.prompt_count) {
    sequence.listener->on_prompt_logprobs(std::move(sequence.prompt_logprobs));
  }
  if (sequence.sampling.max_tokens == 0) return SequenceEnd{.finish = EngineFinish::kLength};
  const TokenChoice& choice = rows.back().choice;
  DCHECK(sequence.sampler.chosen_count() == length + 1 - sequence.prompt_count,
         "every token of the answer was chosen once");
  ++stats_.generation_tokens;
  if (is_end(sequence, choice.token)) {
    return SequenceEnd{.finish = EngineFinish::kStop, .end_token = choice.token};
  }
  sequence.listener->on_token(choice);
  const bool is_full = length + 1 >= backend_->limits().max_model_len;
  if (is_full || sequence.sampler.chosen_count() >= sequence.sampling.max_tokens) {
    return SequenceEnd{.finish = EngineFinish::kLength};
  }
  return std::nullopt;
}

bool EngineCore::is_end(const Sequence& sequence, TokenId token) const {
  const auto has = [token](const std::vector<TokenId>& tokens) {
    return std::find(tokens.begin(), tokens.end(), token) != tokens.end();
  };
  return has(sequence.sampling.stop_token_ids) ||
         (!sequence.sampling.ignore_eos && has(options_.eos_token_ids));
}

}  // namespace puna

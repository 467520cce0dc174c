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
      speculation_(speculation_of(*backend_, options_)),
      scheduler_(limits_),
      pacer_(options_.step_seconds_max) {}

void EngineCore::add(SequenceId id, EngineRequest request) {
  const std::shared_ptr<SequenceListener> listener = request.listener;
  const Status added = catching([&] {
    ended_.reserve(ended_.size() + sequences_.size() + 2);  // ending takes no memory
    SequenceOptions scheduling = scheduling_of(request);
    sequences_.try_emplace(id, request, options_.eos_token_ids, speculation_);
    scheduler_.add(id, std::move(request.prompt), std::move(scheduling));
    has_newcomers_ = true;
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
  const bool is_cut = end.finish == EngineFinish::kLength || end.finish == EngineFinish::kDeadline;
  stats_.finished_length += is_cut ? 1 : 0;
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
  stats.draft_tokens_max = speculation_.is_on ? speculation_.num_speculative_tokens : 0;
  stats.has_prefix_cache = limits_.sharing != BlockSharing::kNone;
  stats.sequences_running = scheduler_.running_count();
  stats.sequences_waiting = scheduler_.waiting_count();
  return stats;
}

void EngineCore::step() {
  const Clock::Time started = clock_.now();
  end_late(started);
  if (idle()) return;
  StepPlan plan;
  const Status status = catching([&] {
    plan = scheduler_.plan(next_prompt_tokens());
    add_drafts(plan);
    tell_places(started);
    return run(plan);
  });
  if (!status.ok()) fail_step(plan, status);
  DCHECK(is_whole(scheduler_), "a step leaves the scheduler whole");
  DCHECK(std::ssize(sequences_) == scheduler_.running_count() + scheduler_.waiting_count(),
         "who is in the engine is in the schedule");
  count_step(plan.token_count(), stats_);
  const std::chrono::duration<double> taken = clock_.now() - started;
  stats_.step_seconds += taken.count();
  if (status.ok()) measure(plan, taken.count());
  stats_.preemptions += plan.preempted.size();
}

// Where every step of some size costs the same, shorter ones save nothing.
int EngineCore::next_prompt_tokens() const {
  const bool has_fixed_shapes = !backend_->traits().shapes.token_buckets.empty();
  if (has_fixed_shapes && options_.step_seconds_max == 0) return Scheduler::kUnlimited;
  return pacer_.prompt_tokens(scheduler_.answering_count());
}

void EngineCore::measure(const StepPlan& plan, double seconds) {
  int answers = 0, prompt_tokens = 0, drafted = 0;
  for (const PlannedRun& run : plan.runs) {
    const int own = run.own_count();
    (own == 1 ? answers : prompt_tokens) += own;
    drafted += run.token_count - own;
  }
  pacer_.add(answers, prompt_tokens, seconds);
  if (prompt_tokens == 0) draft_costs_.add(answers, drafted, seconds);
}

// Beside a prompt's tokens no row is free.
void EngineCore::add_drafts(StepPlan& plan) {
  const int answer_count = static_cast<int>(plan.runs.size());
  const bool has_prompts =
      std::any_of(plan.runs.begin(), plan.runs.end(),
                  [](const PlannedRun& run) { return run.token_count != 1 || !run.chooses; });
  if (!speculation_.is_on || answer_count > DraftCosts::kAnswersMax || has_prompts) return;
  std::vector<std::vector<TokenId>> drafts;
  std::vector<DraftOffer> offers;
  for (const PlannedRun& run : plan.runs) {
    Sequence& sequence = sequences_.at(run.id);
    std::vector<TokenId>& draft = drafts.emplace_back(
        sequence.drafts.propose(scheduler_.tokens(run.id), draft_room(run, sequence)));
    const auto end = std::find_if(draft.begin(), draft.end(),
                                  [&](TokenId token) { return is_end(sequence, token); });
    draft.erase(end, draft.end());
    offers.push_back({.token_count = static_cast<int>(draft.size()),
                      .probability = sequence.drafts.probability()});
  }
  const int room = limits_.step_tokens_max - plan.token_count();
  const std::vector<int> counts = choose_drafts(offers, answer_count, room, draft_costs_);
  for (size_t i = 0; i < drafts.size(); ++i) {
    const auto draft = std::span(drafts[i]).first(static_cast<size_t>(counts[i]));
    if (scheduler_.add_draft(plan, i, draft) == 0) sequences_.at(plan.runs[i].id).drafts.skip();
  }
}

// How many tokens may stand before one that is certain to be chosen.
int EngineCore::draft_room(const PlannedRun& run, const Sequence& sequence) const {
  const int length = run.first_position + run.token_count;
  if (length <= sequence.prompt_count) return 0;  // the answer has yet to begin
  const int left = std::min(sequence.sampling.max_tokens - (length - sequence.prompt_count),
                            backend_->limits().max_model_len - length);
  return std::min(left - 1, speculation_.num_speculative_tokens);
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
    const auto own = scheduler_.tokens(run.id).subspan(static_cast<size_t>(run.first_position),
                                                       static_cast<size_t>(run.own_count()));
    step.batch.runs.push_back({.first_token = static_cast<int>(step.batch.tokens.size()),
                               .token_count = run.token_count,
                               .first_position = run.first_position,
                               .block_table = scheduler_.block_table(run.id),
                               .prompt_count = sequence.prompt_count});
    step.batch.tokens.insert(step.batch.tokens.end(), own.begin(), own.end());
    step.batch.tokens.insert(step.batch.tokens.end(), run.draft.begin(), run.draft.end());
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
  for (int i = 0; i < run.own_count() && sequence.sampling.prompt_logprobs; ++i) {
    const int position = run.first_position + i;
    if (position < sequence.scored_count || position + 1 >= sequence.prompt_count) continue;
    add(i, {.run_index = run_index,
            .use = RowUse::kScorePrompt,
            .next = tokens[static_cast<size_t>(position) + 1],
            .top_count = sequence.sampling.prompt_logprobs.value_or(0)});
  }
  if (!run.chooses || sequence.sampling.max_tokens == 0) return;
  int offset = run.own_count() - 1;
  for (const TokenId drafted : run.draft) {
    add(offset++, {.run_index = run_index,
                   .use = RowUse::kVerifyDraft,
                   .sampler = &sequence.sampler,
                   .next = drafted});
  }
  add(offset, {.run_index = run_index, .use = RowUse::kChoose, .sampler = &sequence.sampler});
}

void EngineCore::hand_out(const StepPlan& plan, std::span<StepRow> rows) {
  std::vector<RunOutcome> outcomes;
  std::vector<TokenId> chosen;  // what outcomes refer to
  chosen.reserve(rows.size());
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
    if (bad != own.end() && run.draft.empty()) {
      ends.emplace_back(run.id, SequenceEnd{.finish = EngineFinish::kError, .error = bad->error});
      continue;
    }
    Sequence& sequence = sequences_.at(run.id);
    count_prompt(run, sequence);
    add_prompt_logprobs(own, sequence);
    if (!run.chooses) {
      outcomes.push_back({.id = run.id, .computed_count = run.token_count});
      continue;
    }
    const size_t first = chosen.size();
    const std::optional<SequenceEnd> ended = hand_out_tokens(run, own, sequence, chosen);
    if (ended) ends.emplace_back(run.id, *ended);
    const auto added = std::span(chosen).subspan(first);
    // The token that follows is not computed yet; where the answer ends it is not added either.
    const int count = static_cast<int>(added.size()) + (ended ? 1 : 0);
    if (count == 0) continue;  // once more, without a draft
    outcomes.push_back(
        {.id = run.id, .computed_count = run.own_count() + count - 1, .added = added});
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

// Adds the new tokens to `chosen`, but for one that the sequence ends with.
std::optional<SequenceEnd> EngineCore::hand_out_tokens(const PlannedRun& run,
                                                       std::span<const StepRow> rows,
                                                       Sequence& sequence,
                                                       std::vector<TokenId>& chosen) {
  int length = run.first_position + run.own_count();
  if (sequence.sampling.prompt_logprobs && length == sequence.prompt_count) {
    sequence.listener->on_prompt_logprobs(std::move(sequence.prompt_logprobs));
  }
  if (sequence.sampling.max_tokens == 0) return SequenceEnd{.finish = EngineFinish::kLength};
  rows = rows.last(run.draft.size() + 1);
  const size_t accepted = accepted_count(rows);
  if (!run.draft.empty()) {
    const int drafted = static_cast<int>(run.draft.size());
    sequence.drafts.add(drafted, static_cast<int>(accepted));
    count_draft(drafted, static_cast<int>(accepted), stats_);
  }
  rows = rows.first(accepted + 1);
  // Whether it fails without a draft too is for a step without one to say.
  if (!rows.back().error.ok()) {
    sequence.drafts.stop();
    rows = rows.first(accepted);
  }
  DCHECK(sequence.sampler.chosen_count() == length + std::ssize(rows) - sequence.prompt_count,
         "every token of the answer was chosen once");
  for (const StepRow& row : rows) {
    if (auto end = hand_out_token(row.choice, ++length, sequence)) return end;
    chosen.push_back(row.choice.token);
  }
  return std::nullopt;
}

// How the sequence ends with its new token, if it does; `length` is with it.
std::optional<SequenceEnd> EngineCore::hand_out_token(const TokenChoice& choice, int length,
                                                      Sequence& sequence) {
  ++stats_.generation_tokens;
  if (is_end(sequence, choice.token)) {
    return SequenceEnd{.finish = EngineFinish::kStop, .end_token = choice.token};
  }
  sequence.listener->on_token(choice);
  const bool is_full = length >= backend_->limits().max_model_len;
  if (is_full || length - sequence.prompt_count >= sequence.sampling.max_tokens) {
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

// The engine's thread: take commands, plan a step, run it, hand out its tokens. Other threads leave
// commands and read a snapshot of the statistics; sequences belong to this thread alone.

#include "engine/engine.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <utility>
#include <variant>

#include "base/check.h"
#include "base/log.h"
#include "engine/engine_limits.h"
#include "engine/logit_row.h"
#include "engine/queue_places.h"
#include "engine/scheduler.h"
#include "engine/sequence.h"

namespace puna {
namespace {

struct SubmitCommand {
  SequenceId id;
  EngineRequest request;
};
struct FinishCommand {
  SequenceId id;
  EngineFinish reason;
};
struct CancelAllCommand {};
using Command = std::variant<SubmitCommand, FinishCommand, CancelAllCommand>;

bool all_numbers(const StepLogits& logits, size_t first_row, size_t end_row) {
  for (size_t row = first_row; row < end_row; ++row) {
    if (!are_numbers(logits.row(row))) return false;
  }
  return true;
}

}  // namespace

struct Engine::State {
  State(std::unique_ptr<Backend> opened, EngineOptions chosen, const Clock& steady)
      : backend(std::move(opened)),
        options(without_unknown_ends(std::move(chosen), backend->limits().vocab_size)),
        clock(steady),
        limits(scheduler_limits(backend->limits(), options)),
        scheduler(limits),
        places(limits.max_num_seqs + options.waiting_max) {
    stats.blocks_total = limits.block_count;
  }

  // The engine's thread.
  void loop();
  bool take_commands();
  void apply(SubmitCommand&& command);
  void apply(FinishCommand command) { finish(command.id, {.finish = command.reason}); }
  void apply(CancelAllCommand) { cancel_all(); }
  void step();
  StepBatch make_batch(const StepPlan& plan);
  void add_wanted_logits(const PlannedRun& run, const Sequence& sequence, StepBatch& batch) const;
  void hand_out(const StepPlan& plan, const StepBatch& batch, const StepLogits& logits);
  void count_prompt(const PlannedRun& run, Sequence& sequence);
  void collect_prompt_logprobs(Sequence& sequence, int position, std::span<const float> logits);
  void choose_token(SequenceId id, Sequence& sequence, std::span<float> logits);
  void finish(SequenceId id, const SequenceEnd& end);
  void fail(SequenceId id, const Status& error) {
    finish(id, {.finish = EngineFinish::kError, .error = error});
  }
  void cancel_all();
  bool is_end(const Sequence& sequence, TokenId token) const;
  void publish(const StepPlan& plan, std::chrono::duration<double> taken);

  const std::unique_ptr<Backend> backend;
  const EngineOptions options;
  const Clock& clock;
  const SchedulerLimits limits;
  Scheduler scheduler;
  std::unordered_map<SequenceId, Sequence> sequences;
  uint64_t prompt_tokens = 0, generation_tokens = 0;  // published after each step

  QueuePlaces places;  // any thread

  mutable std::mutex mutex;
  std::condition_variable commanded, finished;
  std::deque<Command> commands;  // guarded by mutex, as all below
  EngineStats stats;
  SequenceId next_id = 1;
  int in_system = 0;                                        // submitted and not finished
  bool draining = false, closed = false, stopping = false;  // no new work, none admitted, no thread

  std::thread thread;  // last: uses everything above
};

void Engine::State::loop() {
  while (take_commands()) {
    if (!scheduler.idle()) step();
  }
  cancel_all();
}

// Waits while there is nothing to do. False when the engine ends.
bool Engine::State::take_commands() {
  std::deque<Command> taken;
  {
    std::unique_lock lock(mutex);
    commanded.wait(lock, [&] { return stopping || !commands.empty() || !scheduler.idle(); });
    taken.swap(commands);
    if (stopping && taken.empty()) return false;
  }
  for (Command& command : taken) {
    std::visit([&](auto& one) { apply(std::move(one)); }, command);
  }
  const std::lock_guard lock(mutex);
  return !stopping;
}

void Engine::State::apply(SubmitCommand&& command) {
  const int token_count = static_cast<int>(command.request.prompt.size());
  sequences.try_emplace(command.id, std::move(command.request), options.eos_token_ids);
  scheduler.add(command.id, token_count);
}

void Engine::State::step() {
  const Clock::Time started = clock.now();
  const StepPlan plan = scheduler.plan();
  const StepBatch batch = make_batch(plan);
  const auto logits = backend->run(batch);
  if (logits.ok()) {
    hand_out(plan, batch, *logits);
  } else {
    log_error("a step failed ({}): {}", describe(batch), logits.status().message());
    for (const PlannedRun& run : plan.runs) fail(run.id, logits.status());
  }
  publish(plan, clock.now() - started);
}

StepBatch Engine::State::make_batch(const StepPlan& plan) {
  StepBatch batch;
  for (const PlannedRun& run : plan.runs) {
    Sequence& sequence = sequences.at(run.id);
    if (!std::exchange(sequence.started, true)) sequence.listener->on_scheduled();
    add_wanted_logits(run, sequence, batch);
    const auto first = sequence.tokens.begin() + run.first_position;
    batch.runs.push_back({.first_token = static_cast<int>(batch.tokens.size()),
                          .token_count = run.token_count,
                          .first_position = run.first_position,
                          .block_table = scheduler.block_table(run.id)});
    batch.tokens.insert(batch.tokens.end(), first, first + run.token_count);
  }
  return batch;
}

void Engine::State::add_wanted_logits(const PlannedRun& run, const Sequence& sequence,
                                      StepBatch& batch) const {
  const int first_token = static_cast<int>(batch.tokens.size());
  for (int i = 0; i < run.token_count; ++i) {
    const int position = run.first_position + i;
    const bool predicts_prompt = sequence.sampling.prompt_logprobs &&
                                 position + 1 < sequence.prompt_count &&
                                 position >= static_cast<int>(sequence.prompt_logprobs.size());
    const bool chooses = run.is_last && i + 1 == run.token_count;
    if (predicts_prompt || chooses) batch.logit_tokens.push_back(first_token + i);
  }
}

void Engine::State::hand_out(const StepPlan& plan, const StepBatch& batch,
                             const StepLogits& logits) {
  size_t row = 0;
  for (size_t i = 0; i < plan.runs.size(); ++i) {
    const PlannedRun& run = plan.runs[i];
    const int first_token = batch.runs[i].first_token;
    const int last_token = first_token + run.token_count - 1;
    const size_t first_row = row;
    while (row < batch.logit_tokens.size() && batch.logit_tokens[row] <= last_token) ++row;
    Sequence& sequence = sequences.at(run.id);
    if (!all_numbers(logits, first_row, row)) {
      fail(run.id, not_numbers());
      continue;
    }
    count_prompt(run, sequence);
    const size_t prompt_rows_end = run.is_last ? row - 1 : row;
    for (size_t r = first_row; r < prompt_rows_end; ++r) {
      collect_prompt_logprobs(sequence, run.first_position + batch.logit_tokens[r] - first_token,
                              logits.row(r));
    }
    if (run.is_last) choose_token(run.id, sequence, logits.row(row - 1));  // may end the sequence
  }
}

// Computing a prompt again after a preemption is not counted.
void Engine::State::count_prompt(const PlannedRun& run, Sequence& sequence) {
  const int end = std::min(run.first_position + run.token_count, sequence.prompt_count);
  if (end <= sequence.prompt_counted) return;
  prompt_tokens += static_cast<uint64_t>(end - sequence.prompt_counted);
  sequence.prompt_counted = end;
}

void Engine::State::collect_prompt_logprobs(Sequence& sequence, int position,
                                            std::span<const float> logits) {
  const TokenId token = sequence.tokens[static_cast<size_t>(position) + 1];
  sequence.prompt_logprobs.push_back(
      with_logprobs(token, logits, sequence.sampling.logprobs.value_or(0)));
}

bool Engine::State::is_end(const Sequence& sequence, TokenId token) const {
  const auto has = [token](const std::vector<TokenId>& tokens) {
    return std::find(tokens.begin(), tokens.end(), token) != tokens.end();
  };
  return has(sequence.sampling.stop_token_ids) ||
         (!sequence.sampling.ignore_eos && has(options.eos_token_ids));
}

void Engine::State::choose_token(SequenceId id, Sequence& sequence, std::span<float> logits) {
  if (sequence.sampling.prompt_logprobs && sequence.sampler.chosen_count() == 0) {
    sequence.listener->on_prompt_logprobs(sequence.prompt_logprobs);
  }
  if (sequence.sampling.max_tokens == 0) return finish(id, {.finish = EngineFinish::kLength});
  const auto choice = sequence.sampler.choose(logits);
  if (!choice.ok()) return fail(id, choice.status());
  ++generation_tokens;
  if (is_end(sequence, choice->token)) {
    return finish(id, {.finish = EngineFinish::kStop, .end_token = choice->token});
  }
  sequence.listener->on_token(*choice);
  sequence.tokens.push_back(choice->token);
  const bool is_full = static_cast<int>(sequence.tokens.size()) >= backend->limits().max_model_len;
  if (is_full || sequence.sampler.chosen_count() >= sequence.sampling.max_tokens) {
    return finish(id, {.finish = EngineFinish::kLength});
  }
  scheduler.append_token(id);
}

void Engine::State::finish(SequenceId id, const SequenceEnd& end) {
  const auto found = sequences.find(id);
  if (found == sequences.end()) return;
  const std::shared_ptr<SequenceListener> listener = found->second.listener;
  scheduler.remove(id);
  sequences.erase(found);
  places.leave(id);
  {
    const std::lock_guard lock(mutex);
    --in_system;
    stats.finished_stop += end.finish == EngineFinish::kStop ? 1 : 0;
    stats.finished_length += end.finish == EngineFinish::kLength ? 1 : 0;
    stats.finished_cancelled += end.finish == EngineFinish::kCancelled ? 1 : 0;
    stats.finished_error += end.finish == EngineFinish::kError ? 1 : 0;
    stats.sequences_running = scheduler.running_count();
    stats.blocks_used = scheduler.blocks().used_count();
  }
  finished.notify_all();
  listener->on_finish(end);
}

void Engine::State::cancel_all() {
  while (!sequences.empty()) {
    finish(sequences.begin()->first, {.finish = EngineFinish::kCancelled});
  }
}

void Engine::State::publish(const StepPlan& plan, std::chrono::duration<double> taken) {
  const std::lock_guard lock(mutex);
  ++stats.steps;
  stats.step_seconds += taken.count();
  stats.preemptions += plan.preempted.size();
  stats.prompt_tokens = prompt_tokens;
  stats.generation_tokens = generation_tokens;
  stats.sequences_running = scheduler.running_count();
  stats.blocks_used = scheduler.blocks().used_count();
}

Result<std::unique_ptr<Engine>> Engine::start(std::unique_ptr<Backend> backend,
                                              EngineOptions options, const Clock& clock) {
  RETURN_IF_ERROR(validate_options(backend->limits(), options));
  auto state = std::make_unique<State>(std::move(backend), std::move(options), clock);
  State* running = state.get();
  running->thread = std::thread([running] { running->loop(); });
  return std::unique_ptr<Engine>(new Engine(std::move(state)));
}

Engine::Engine(std::unique_ptr<State> state) : state_(std::move(state)) {}

Engine::~Engine() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
  }
  state_->commanded.notify_all();
  state_->thread.join();
}

Status Engine::admit(int places, Admission& admission) {
  const std::lock_guard lock(state_->mutex);
  if (state_->draining || state_->stopping) {
    return error(StatusCode::kUnavailable, "the server is shutting down");
  }
  const int limit = state_->places.limit();
  if (places > limit) {
    return invalid_argument(
        "{} answers at once are more than the {} that this server runs and lets wait; ask for "
        "fewer, or raise --max-num-queued-reqs",
        places, limit);
  }
  if (state_->places.hold(places, admission)) return {};
  ++state_->stats.rejected_queue_full;
  return error(StatusCode::kResourceExhausted,
               "the queue is full: {} requests run and {} wait; try again later",
               state_->stats.sequences_running, state_->options.waiting_max);
}

Result<SequenceId> Engine::submit(EngineRequest request) {
  Admission admission;
  RETURN_IF_ERROR(admit(1, admission));
  return submit(std::move(request), admission);
}

Result<SequenceId> Engine::submit(EngineRequest request, Admission& admission) {
  RETURN_IF_ERROR(validate_prompt(request.prompt, limits()));
  RETURN_IF_ERROR(validate(request.sampling, limits().vocab_size));
  SequenceId id = 0;
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->closed || state_->stopping) {
      return error(StatusCode::kUnavailable, "the server is shutting down");
    }
    id = state_->next_id++;
    state_->places.enter(admission, id);
    ++state_->in_system;
    state_->commands.emplace_back(SubmitCommand{id, std::move(request)});
  }
  state_->commanded.notify_all();
  return id;
}

void Engine::finish(SequenceId id, EngineFinish reason) {
  CHECK(reason == EngineFinish::kStop || reason == EngineFinish::kCancelled,
        "from outside a sequence is stopped or cancelled");
  {
    const std::lock_guard lock(state_->mutex);
    state_->commands.emplace_back(FinishCommand{id, reason});
  }
  state_->places.leave(id);  // who wants to come in does not wait for a step to end
  state_->commanded.notify_all();
}

void Engine::drain(std::chrono::nanoseconds limit) {
  {
    const std::lock_guard lock(state_->mutex);
    state_->draining = true;
  }
  const bool in_time = state_->places.wait_until_empty(limit);
  std::unique_lock lock(state_->mutex);
  if (!in_time) {
    state_->closed = true;
    state_->commands.emplace_back(CancelAllCommand{});
    state_->commanded.notify_all();
  }
  state_->finished.wait(lock, [this] { return state_->in_system == 0; });
}

EngineStats Engine::stats() const {
  const std::lock_guard lock(state_->mutex);
  EngineStats stats = state_->stats;
  // Admitted, but perhaps not seen by the engine's thread yet.
  stats.sequences_waiting = std::max(0, state_->places.taken() - stats.sequences_running);
  return stats;
}

const BackendLimits& Engine::limits() const { return state_->backend->limits(); }

}  // namespace puna

// The engine's thread: take commands, step, tell whoever has ended. Other threads leave commands
// and read a snapshot of the statistics; the core belongs to this thread alone.

#include "engine/engine.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>
#include <variant>

#include "base/check.h"
#include "base/exceptions.h"
#include "base/log.h"
#include "base/thread.h"
#include "engine/engine_core.h"
#include "engine/engine_limits.h"
#include "engine/queue_places.h"

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

}  // namespace

struct Engine::State {
  State(std::unique_ptr<Backend> backend, const EngineOptions& options, const Clock& clock)
      : core(std::move(backend), options, clock),
        waiting_max(options.waiting_max),
        has_priorities(options.has_priorities),
        places(core.limits().max_num_seqs + options.waiting_max),
        stats(core.stats()) {}

  // The engine's thread.
  void loop();
  bool take_commands();
  void apply(SubmitCommand&& command) { core.add(command.id, std::move(command.request)); }
  void apply(FinishCommand command) { core.end(command.id, {.finish = command.reason}); }
  void apply(CancelAllCommand) { core.end_all({.finish = EngineFinish::kCancelled}); }
  void publish();

  EngineCore core;
  const int waiting_max;
  const bool has_priorities;
  QueuePlaces places;  // any thread

  mutable std::mutex mutex;
  std::condition_variable commanded, finished;
  std::deque<Command> commands;  // guarded by mutex, as all below
  EngineStats stats;
  uint64_t rejected_queue_full = 0;
  SequenceId next_id = 1;
  int in_system = 0;                                        // submitted and not finished
  bool draining = false, closed = false, stopping = false;  // no new work, none admitted, no thread

  std::thread thread;  // last: uses everything above
};

// Whatever is thrown, the thread goes on: nobody else could end the requests.
void Engine::State::loop() {
  bool goes_on = true;
  while (goes_on) {
    const Status status = catching([&] {
      goes_on = take_commands();
      publish();
      if (!core.idle()) core.step();
      publish();
      return Status();
    });
    if (!status.ok()) log_error("the engine goes on after a failure: {}", status.message());
  }
  core.end_all({.finish = EngineFinish::kCancelled});
  publish();
}

// Waits while there is nothing to do. False when the engine ends.
bool Engine::State::take_commands() {
  std::deque<Command> taken;
  {
    std::unique_lock lock(mutex);
    commanded.wait(lock, [&] { return stopping || !commands.empty() || !core.idle(); });
    taken.swap(commands);
    if (stopping && taken.empty()) return false;
  }
  for (Command& command : taken) {
    std::visit([&](auto& one) { apply(std::move(one)); }, command);
  }
  const std::lock_guard lock(mutex);
  return !stopping;
}

// Statistics first: who reacts to an end finds it counted.
void Engine::State::publish() {
  const std::vector<EndedSequence> ended = core.take_ended();
  for (const EndedSequence& one : ended) places.leave(one.id);
  {
    const std::lock_guard lock(mutex);
    stats = core.stats();
    in_system -= static_cast<int>(ended.size());
  }
  if (!ended.empty()) finished.notify_all();
  for (const EndedSequence& one : ended) {
    const Status told = catching([&] {
      one.listener->on_finish(one.end);
      return Status();
    });
    if (!told.ok()) log_error("a request was not told of its end: {}", told.message());
  }
}

Result<std::unique_ptr<Engine>> Engine::start(std::unique_ptr<Backend> backend,
                                              const EngineOptions& options, const Clock& clock) {
  RETURN_IF_ERROR(validate_options(*backend, options));
  auto state = std::make_unique<State>(std::move(backend), options, clock);
  State* running = state.get();
  ASSIGN_OR_RETURN(running->thread, start_thread("engine", [running] { running->loop(); }));
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
  RETURN_IF_ERROR(health());
  const std::lock_guard lock(state_->mutex);
  if (state_->draining || state_->stopping) {
    return error(StatusCode::kUnavailable, "the server is shutting down");
  }
  const int limit = state_->places.limit();
  if (places > limit) {
    return invalid_argument(
               "{} answers at once are more than the {} that this server runs and lets wait; ask "
               "for "
               "fewer, or raise --max-num-queued-reqs",
               places, limit)
        .about("n");
  }
  if (state_->places.hold(places, admission)) return {};
  ++state_->rejected_queue_full;
  return error(StatusCode::kResourceExhausted,
               "the queue is full: {} requests run and {} wait; try again later",
               state_->stats.sequences_running, state_->waiting_max);
}

Result<SequenceId> Engine::submit(EngineRequest request) {
  Admission admission;
  RETURN_IF_ERROR(admit(1, admission));
  return submit(std::move(request), admission);
}

Result<SequenceId> Engine::submit(EngineRequest request, Admission& admission) {
  RETURN_IF_ERROR(validate_prompt(request.prompt, limits()));
  RETURN_IF_ERROR(validate(request.sampling, limits().vocab_size));
  if (request.priority != 0 && !state_->has_priorities) {
    return invalid_field("priority",
                         "is {}, and this server serves requests in order; leave it out, or start "
                         "with --scheduling-policy priority",
                         request.priority);
  }
  SequenceId id = 0;
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->closed || state_->stopping) {
      return error(StatusCode::kUnavailable, "the server is shutting down");
    }
    id = state_->next_id++;
    state_->places.enter(admission, id);
    state_->commands.emplace_back(SubmitCommand{id, std::move(request)});
    ++state_->in_system;
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
  stats.rejected_queue_full = state_->rejected_queue_full;
  return stats;
}

Status Engine::health() const {
  Status health = state_->core.backend().health();
  if (health.ok()) return health;
  return error(StatusCode::kUnavailable, "the server cannot compute any more: {}",
               health.message());
}

const BackendLimits& Engine::limits() const { return state_->core.backend().limits(); }

}  // namespace puna

// The threads share nothing but the count of requests that may still be sent, and the word to stop.

#include "load/load_run.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "base/descriptor_limit.h"
#include "base/thread.h"
#include "load/load_worker.h"

namespace puna {
namespace {

using std::chrono::steady_clock;

constexpr uint64_t kOwnDescriptors = 64;
constexpr int kThreadsMax = 4;

// As many as leave the server half of the cores, when it runs beside this.
int thread_count(const LoadSettings& settings) {
  const int cores = static_cast<int>(std::thread::hardware_concurrency());
  const int threads = std::clamp(cores / 2, 1, kThreadsMax);
  if (settings.open_loop) return threads;
  return std::clamp(static_cast<int>(std::lround(settings.level.peak())), 1, threads);
}

// Connections that there may be at once. The users of a closed loop must all fit.
Result<size_t> connections_allowed(const LoadSettings& settings) {
  const uint64_t allowed = raise_descriptor_limit();
  const uint64_t needed =
      settings.open_loop ? 1 : static_cast<uint64_t>(std::lround(settings.level.peak()));
  if (allowed < needed + kOwnDescriptors) {
    return error(StatusCode::kResourceExhausted,
                 "{} users need {} descriptors, and this process may have {}; raise "
                 "their limit (ulimit -n)",
                 needed, needed + kOwnDescriptors, allowed);
  }
  return static_cast<size_t>(std::min<uint64_t>(allowed - kOwnDescriptors, 1 << 20));
}

}  // namespace

struct LoadRun::State {
  explicit State(LoadSettings given) : settings(std::move(given)) {}

  LoadSettings settings;
  std::atomic<int64_t> requests_left{0};
  std::atomic<bool> stop{false};
  steady_clock::time_point began;
  std::vector<std::unique_ptr<LoadWorker>> workers;
  std::vector<std::thread> threads;
  mutable std::mutex mutex;  // of those that wait for the end
  mutable std::condition_variable ended;
  size_t running = 0;
  double took = 0;

  std::unique_ptr<Pace> pace_of(LoadShare share, const std::shared_ptr<const Scenario>& scenario);
  void run(LoadWorker& worker);
  void finish();
};

std::unique_ptr<Pace> LoadRun::State::pace_of(LoadShare share,
                                              const std::shared_ptr<const Scenario>& scenario) {
  if (settings.open_loop) {
    return std::make_unique<OpenLoop>(settings.level, settings.think_seconds, settings.seed, share,
                                      scenario, settings.requests_max);
  }
  return std::make_unique<ClosedLoop>(settings.level, settings.think_seconds, settings.seed, share,
                                      scenario,
                                      settings.requests_max > 0 ? &requests_left : nullptr);
}

void LoadRun::State::run(LoadWorker& worker) {
  worker.run(began);
  const std::lock_guard lock(mutex);
  took = std::chrono::duration<double>(steady_clock::now() - began).count();
  if (--running == 0) ended.notify_all();
}

void LoadRun::State::finish() {
  for (std::thread& thread : threads) {
    if (thread.joinable()) thread.join();
  }
}

LoadRun::LoadRun(std::unique_ptr<State> state) : state_(std::move(state)) {}
LoadRun::~LoadRun() {
  interrupt();
  state_->finish();
}

Result<std::unique_ptr<LoadRun>> LoadRun::start(LoadSettings settings,
                                                const std::shared_ptr<const Scenario>& scenario) {
  ASSIGN_OR_RETURN(const size_t connections, connections_allowed(settings));
  std::unique_ptr<LoadRun> run(new LoadRun(std::make_unique<State>(std::move(settings))));
  State& state = *run->state_;
  state.requests_left = state.settings.requests_max;
  const int count = thread_count(state.settings);
  for (int i = 0; i < count; ++i) {
    ASSIGN_OR_RETURN(auto worker,
                     LoadWorker::open(state.settings, state.pace_of({i, count}, scenario),
                                      connections / static_cast<size_t>(count), state.stop));
    state.workers.push_back(std::move(worker));
  }
  state.began = steady_clock::now();
  for (const auto& worker : state.workers) {
    {
      const std::lock_guard lock(state.mutex);
      ++state.running;
    }
    auto thread = start_thread("load", [&state, &worker = *worker] { state.run(worker); });
    if (!thread.ok()) {
      const std::lock_guard lock(state.mutex);
      --state.running;
      return thread.status();
    }
    state.threads.push_back(std::move(thread).value());
  }
  return run;
}

bool LoadRun::wait(std::chrono::milliseconds time) const {
  std::unique_lock lock(state_->mutex);
  return state_->ended.wait_for(lock, time, [this] { return state_->running == 0; });
}

double LoadRun::seconds() const {
  const std::lock_guard lock(state_->mutex);
  if (state_->running == 0) return state_->took;
  return std::chrono::duration<double>(steady_clock::now() - state_->began).count();
}

LoadProgress LoadRun::progress() const {
  LoadProgress sum;
  for (const auto& worker : state_->workers) worker->add_to(sum);
  return sum;
}

void LoadRun::interrupt() { state_->stop = true; }

LoadStatistics LoadRun::statistics() const {
  LoadStatistics sum(state_->settings.goodput);
  for (const auto& worker : state_->workers) sum.merge(worker->statistics());
  return sum;
}

}  // namespace puna

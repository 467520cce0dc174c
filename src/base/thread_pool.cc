// ThreadPool by a generation counter: workers spin on it briefly, then sleep on a condition
// variable.

#include "base/thread_pool.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "base/cgroup.h"
#include "base/check.h"
#include "base/log.h"
#include "base/thread.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace puna {
namespace {

// Longer than the gap between two loops of one step, shorter than a time slice.
constexpr std::chrono::microseconds kSpinTime(50);
// A look at the clock costs about as much as a few pauses.
constexpr int kPausesPerLook = 16;

// Leaves the core's execution units to its other thread for a moment.
void pause_briefly() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("isb");  // "yield" takes no time on most cores
#endif
}

// Whether `condition` became true within kSpinTime.
template <class Condition>
bool spin_until(const Condition& condition) {
  const auto end = std::chrono::steady_clock::now() + kSpinTime;
  do {
    for (int pause = 0; pause < kPausesPerLook; ++pause) {
      if (condition()) return true;
      pause_briefly();
    }
  } while (std::chrono::steady_clock::now() < end);
  return condition();
}

// ThreadPool::State::gate: this bit while a loop may be entered, and the workers inside it.
constexpr uint64_t kOpen = uint64_t{1} << 63;

}  // namespace

struct ThreadPool::State {
  std::mutex mutex;
  std::condition_variable started;
  std::atomic<uint64_t> generation{0};
  std::atomic<bool> stopping{false};

  // The indices of a loop that are left of a thread's stretch.
  struct alignas(64) Stretch {
    std::atomic<size_t> next{0};
    size_t end = 0;
  };

  explicit State(size_t thread_count) : stretches(thread_count) {}

  const std::function<void(size_t, size_t)>* body = nullptr;
  size_t chunk = 1;
  std::atomic<bool> has_failed{false};
  std::exception_ptr failure;      // of the body that failed first
  std::vector<Stretch> stretches;  // of each thread, the caller's first
  std::atomic<uint64_t> gate{0};
  std::vector<std::thread> workers;

  void cut_stretches(size_t count) {
    const size_t chunks = (count + chunk - 1) / chunk;
    for (size_t i = 0, begin = 0; i < stretches.size(); ++i) {
      const size_t end = std::min(chunks * (i + 1) / stretches.size() * chunk, count);
      stretches[i].next.store(begin, std::memory_order_relaxed);
      stretches[i].end = end;
      begin = end;
    }
  }

  // The thread's own stretch, then what others have left of theirs.
  void run_chunks(size_t thread) {
    for (size_t i = 0; i < stretches.size(); ++i) {
      Stretch& stretch = stretches[(thread + i) % stretches.size()];
      for (;;) {
        const size_t first = stretch.next.fetch_add(chunk, std::memory_order_relaxed);
        if (first >= stretch.end) break;
        run_body(first, std::min(first + chunk, stretch.end));
      }
    }
  }

  void run_body(size_t first, size_t last) {
    try {
      (*body)(first, last);
    } catch (...) {
      if (!has_failed.exchange(true)) failure = std::current_exception();
    }
  }

  // Returns the new generation, after spinning and then sleeping.
  uint64_t wait_for_work(uint64_t seen) {
    const auto is_new = [&] { return generation.load(std::memory_order_acquire) != seen; };
    if (!spin_until(is_new)) {
      std::unique_lock lock(mutex);
      started.wait(lock, is_new);
    }
    return generation.load(std::memory_order_acquire);
  }

  void work(size_t thread) {
    uint64_t seen = 0;
    for (;;) {
      seen = wait_for_work(seen);
      if (stopping.load(std::memory_order_acquire)) return;
      if (!enter()) continue;
      run_chunks(thread);
      gate.fetch_sub(1, std::memory_order_release);
    }
  }

  // False when the loop is over already: a worker that wakes late keeps nobody waiting.
  bool enter() {
    uint64_t inside = gate.load(std::memory_order_relaxed);
    while ((inside & kOpen) != 0) {
      if (gate.compare_exchange_weak(inside, inside + 1, std::memory_order_acquire,
                                     std::memory_order_relaxed)) {
        return true;
      }
    }
    return false;
  }

  // Lets nobody in any more and waits for those inside; their core may be somebody else's just now.
  void close() {
    gate.fetch_and(~kOpen, std::memory_order_acq_rel);
    const auto is_empty = [&] { return gate.load(std::memory_order_acquire) == 0; };
    if (spin_until(is_empty)) return;
    while (!is_empty()) std::this_thread::yield();
  }

  void announce() {
    {
      const std::lock_guard lock(mutex);
      generation.fetch_add(1, std::memory_order_release);
    }
    started.notify_all();
  }
};

ThreadPool::ThreadPool(size_t thread_count) : state_(std::make_unique<State>(thread_count)) {
  CHECK(thread_count > 0, "a pool has at least the caller's thread");
  for (size_t i = 1; i < thread_count; ++i) {
    auto worker = start_thread("a core's share", [state = state_.get(), i] { state->work(i); });
    if (!worker.ok()) {  // the others take over what it would have done
      log_warning("{}; {} threads compute", worker.status().message(), i);
      break;
    }
    state_->workers.push_back(std::move(worker).value());
  }
}

ThreadPool::~ThreadPool() {
  state_->stopping.store(true, std::memory_order_release);
  state_->announce();
  for (std::thread& worker : state_->workers) worker.join();
}

size_t ThreadPool::thread_count() const { return state_->workers.size() + 1; }

void ThreadPool::parallel_for(size_t count, size_t chunk,
                              const std::function<void(size_t, size_t)>& body) {
  CHECK(chunk > 0, "a chunk holds at least one index");
  if (count == 0) return;
  if (state_->workers.empty() || count <= chunk) {
    body(0, count);
    return;
  }
  state_->body = &body;
  state_->chunk = chunk;
  state_->cut_stretches(count);
  state_->gate.store(kOpen, std::memory_order_release);
  state_->announce();
  state_->run_chunks(0);
  state_->close();
  if (!state_->has_failed.load()) return;
  state_->has_failed.store(false);
  std::rethrow_exception(std::exchange(state_->failure, nullptr));
}

namespace {

// Processors in the affinity mask of this process; a mask of fixed size would be too short for the
// largest machines, and the system then refuses to fill it.
size_t affinity_core_count() {
  constexpr int kProcessorsMax = 1 << 16;
  for (int size = CPU_SETSIZE; size <= kProcessorsMax; size *= 2) {
    const std::unique_ptr<cpu_set_t, void (*)(cpu_set_t*)> set(
        CPU_ALLOC(static_cast<size_t>(size)), [](cpu_set_t* one) { CPU_FREE(one); });
    const size_t bytes = CPU_ALLOC_SIZE(static_cast<size_t>(size));
    if (set != nullptr && sched_getaffinity(0, bytes, set.get()) == 0) {
      return static_cast<size_t>(CPU_COUNT_S(bytes, set.get()));
    }
  }
  return std::max(1U, std::thread::hardware_concurrency());
}

}  // namespace

size_t usable_core_count() {
  const size_t cores = affinity_core_count();
  const auto quota = cgroup_cpu_quota();
  if (!quota) return cores;
  // Half a core more is worth a thread: it waits for its next period, and the others go on.
  const auto quota_cores = static_cast<size_t>(std::max(1.0, *quota + 0.5));
  return std::min(cores, quota_cores);
}

}  // namespace puna

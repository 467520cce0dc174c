// ThreadPool by a generation counter: workers spin on it briefly, then sleep on a condition
// variable.

#include "base/thread_pool.h"

#include <immintrin.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <fstream>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/check.h"

namespace puna {
namespace {

// About 20 microseconds: longer than the gap between two loops of one step, shorter than a time
// slice.
constexpr int kSpins = 4000;

// ThreadPool::State::gate: this bit while a loop may be entered, and the workers inside it.
constexpr uint64_t kOpen = uint64_t{1} << 63;

}  // namespace

struct ThreadPool::State {
  std::mutex mutex;
  std::condition_variable started;
  std::atomic<uint64_t> generation{0};
  std::atomic<bool> stopping{false};

  const std::function<void(size_t, size_t)>* body = nullptr;
  size_t count = 0;
  size_t chunk = 1;
  std::atomic<size_t> next{0};
  std::atomic<uint64_t> gate{0};
  std::vector<std::thread> workers;

  void run_chunks() {
    for (;;) {
      const size_t first = next.fetch_add(chunk, std::memory_order_relaxed);
      if (first >= count) return;
      (*body)(first, std::min(first + chunk, count));
    }
  }

  // Returns the new generation, after spinning and then sleeping.
  uint64_t wait_for_work(uint64_t seen) {
    for (int spin = 0; spin < kSpins; ++spin) {
      const uint64_t now = generation.load(std::memory_order_acquire);
      if (now != seen) return now;
      _mm_pause();
    }
    std::unique_lock lock(mutex);
    started.wait(lock, [&] { return generation.load(std::memory_order_acquire) != seen; });
    return generation.load(std::memory_order_acquire);
  }

  void work() {
    uint64_t seen = 0;
    for (;;) {
      seen = wait_for_work(seen);
      if (stopping.load(std::memory_order_acquire)) return;
      if (!enter()) continue;
      run_chunks();
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
    for (int spin = 0; gate.load(std::memory_order_acquire) != 0; ++spin) {
      if (spin < kSpins) {
        _mm_pause();
      } else {
        std::this_thread::yield();
      }
    }
  }

  void announce() {
    {
      const std::lock_guard lock(mutex);
      generation.fetch_add(1, std::memory_order_release);
    }
    started.notify_all();
  }
};

ThreadPool::ThreadPool(size_t thread_count) : state_(std::make_unique<State>()) {
  CHECK(thread_count > 0, "a pool has at least the caller's thread");
  for (size_t i = 1; i < thread_count; ++i) {
    state_->workers.emplace_back([state = state_.get()] { state->work(); });
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
  state_->count = count;
  state_->chunk = chunk;
  state_->next.store(0, std::memory_order_relaxed);
  state_->gate.store(kOpen, std::memory_order_release);
  state_->announce();
  state_->run_chunks();
  state_->close();
}

namespace {

// Cores by the quota of cgroup v2 ("max 100000" or "200000 100000"), or v1; 0 when there is none.
size_t quota_core_count() {
  std::string quota;
  double period = 0;
  if (std::ifstream("/sys/fs/cgroup/cpu.max") >> quota >> period && quota != "max") {
    return static_cast<size_t>(std::max(1.0, std::stod(quota) / period + 0.5));
  }
  double micros = -1;
  std::ifstream("/sys/fs/cgroup/cpu/cpu.cfs_quota_us") >> micros;
  if (micros > 0 && std::ifstream("/sys/fs/cgroup/cpu/cpu.cfs_period_us") >> period && period > 0) {
    return static_cast<size_t>(std::max(1.0, micros / period + 0.5));
  }
  return 0;
}

}  // namespace

size_t usable_core_count() {
  cpu_set_t set;
  CPU_ZERO(&set);
  size_t cores = 1;
  if (sched_getaffinity(0, sizeof set, &set) == 0) cores = static_cast<size_t>(CPU_COUNT(&set));
  const size_t quota = quota_core_count();
  return std::max<size_t>(1, quota == 0 ? cores : std::min(cores, quota));
}

}  // namespace puna

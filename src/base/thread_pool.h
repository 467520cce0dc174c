// ThreadPool: runs one loop at a time on all its threads; the caller's thread is one of them.
//
// Each thread goes through a stretch of neighbouring indices, so that what it reads follows on, in
// small chunks; one that is done takes chunks of the others, so a stolen core delays a chunk and
// not the loop. Idle threads spin briefly, then sleep. Which thread runs an index must never change
// a result.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

namespace puna {

class ThreadPool {
 public:
  // At least one thread: the caller's own.
  explicit ThreadPool(size_t thread_count);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  size_t thread_count() const;

  // Calls body(first, last) over disjoint ranges that cover [0, count), each at most `chunk` long,
  // and returns when all are done. One caller at a time. What a body throws comes out of here; the
  // other ranges have run all the same.
  void parallel_for(size_t count, size_t chunk, const std::function<void(size_t, size_t)>& body);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Cores this process may really use: its affinity mask, bounded by the cgroup's CPU quota.
size_t usable_core_count();

}  // namespace puna

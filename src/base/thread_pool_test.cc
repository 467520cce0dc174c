// Tests of ThreadPool: every index once, whatever the chunk and the number of threads.

#include "base/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <vector>

namespace puna {
namespace {

TEST(ThreadPool, RunsEveryIndexOnce) {
  for (const size_t threads : {size_t{1}, size_t{2}, size_t{5}}) {
    ThreadPool pool(threads);
    for (const size_t chunk : {size_t{1}, size_t{7}, size_t{1000}}) {
      std::vector<std::atomic<int>> seen(333);
      pool.parallel_for(seen.size(), chunk, [&](size_t first, size_t last) {
        EXPECT_LE(last - first, std::max(chunk, seen.size()));
        for (size_t i = first; i < last; ++i) ++seen[i];
      });
      for (const auto& count : seen) EXPECT_EQ(count, 1);
    }
  }
}

TEST(ThreadPool, ManyShortLoopsInARow) {
  ThreadPool pool(3);
  std::atomic<size_t> sum{0};
  for (int loop = 0; loop < 2000; ++loop) {
    pool.parallel_for(8, 1, [&](size_t first, size_t) { sum += first; });
  }
  EXPECT_EQ(sum, 2000u * 28u);
}

TEST(ThreadPool, NothingToDoIsDoneAtOnce) {
  ThreadPool pool(2);
  pool.parallel_for(0, 1, [](size_t, size_t) { FAIL(); });
  EXPECT_EQ(pool.thread_count(), 2u);
  EXPECT_GE(usable_core_count(), 1u);
}

}  // namespace
}  // namespace puna

// Tests of ThreadPool: every index once, whatever the chunk and the number of threads.

#include "base/thread_pool.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <ctime>
#include <new>
#include <thread>
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

TEST(ThreadPool, UsableCoresFollowTheAffinityMask) {
  std::thread([] {  // the mask is of a thread, and this one ends with the test
    cpu_set_t mask;
    ASSERT_EQ(sched_getaffinity(0, sizeof mask, &mask), 0);
    int first = 0;
    while (!CPU_ISSET(first, &mask)) ++first;
    CPU_ZERO(&mask);
    CPU_SET(first, &mask);
    ASSERT_EQ(sched_setaffinity(0, sizeof mask, &mask), 0);
    EXPECT_EQ(usable_core_count(), 1u);
  })
      .join();
}

// Processor time of all threads of this process.
double process_seconds() {
  timespec time = {};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

TEST(ThreadPool, WhatABodyThrowsComesOutOfTheLoopAndThePoolGoesOn) {
  for (const size_t threads : {1U, 4U}) {
    ThreadPool pool(threads);
    for (size_t bad = 0; bad < 8; ++bad) {
      EXPECT_THROW(pool.parallel_for(8, 1,
                                     [&](size_t first, size_t last) {
                                       if (first <= bad && bad < last) throw std::bad_alloc();
                                     }),
                   std::bad_alloc);
    }
    std::atomic<int> count = 0;
    pool.parallel_for(8, 1, [&](size_t first, size_t last) { count += int(last - first); });
    EXPECT_EQ(count, 8);
  }
}

TEST(ThreadPool, IdleThreadsSleep) {
  ThreadPool pool(4);
  pool.parallel_for(4, 1, [](size_t, size_t) {});
  const double before = process_seconds();
  // Spinning threads would use three times this.
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  EXPECT_LT(process_seconds() - before, 0.03);
}

}  // namespace
}  // namespace puna

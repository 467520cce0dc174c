// Tests of BoundedQueue.

#include "base/queue.h"

#include <gtest/gtest.h>

#include <thread>

namespace puna {
namespace {

TEST(BoundedQueue, KeepsOrderAndRefusesWhenFull) {
  BoundedQueue<int> queue(2);
  EXPECT_TRUE(queue.try_push(1));
  EXPECT_TRUE(queue.try_push(2));
  EXPECT_FALSE(queue.try_push(3));
  EXPECT_EQ(queue.try_pop(), 1);
  EXPECT_EQ(queue.try_pop(), 2);
  EXPECT_EQ(queue.try_pop(), std::nullopt);
}

TEST(BoundedQueue, ClosedQueueStillGivesWhatIsInside) {
  BoundedQueue<int> queue(2);
  EXPECT_TRUE(queue.try_push(7));
  queue.close();
  EXPECT_FALSE(queue.try_push(8));
  EXPECT_EQ(queue.pop(), 7);
  EXPECT_EQ(queue.pop(), std::nullopt);
}

TEST(BoundedQueue, PopWaitsForAnotherThread) {
  BoundedQueue<int> queue(1);
  std::jthread producer([&queue] { EXPECT_TRUE(queue.try_push(5)); });
  EXPECT_EQ(queue.pop(), 5);
}

TEST(BoundedQueue, PopForEndsWithoutAValue) {
  BoundedQueue<int> queue(1);
  EXPECT_EQ(queue.pop_for(std::chrono::milliseconds(1)), std::nullopt);
}

}  // namespace
}  // namespace puna

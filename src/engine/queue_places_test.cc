// Places of the queue: held, entered, left.

#include "engine/queue_places.h"

#include <gtest/gtest.h>

namespace puna {
namespace {

using std::chrono::milliseconds;

TEST(QueuePlaces, HoldsUpToItsLimitAndAllOrNothing) {
  QueuePlaces places(3);
  Admission two, more;
  EXPECT_TRUE(places.hold(2, two));
  EXPECT_FALSE(places.hold(2, more));
  EXPECT_EQ(more.places(), 0);
  EXPECT_EQ(places.taken(), 2);
  EXPECT_TRUE(places.hold(1, two));
  EXPECT_EQ(two.places(), 3);
}

TEST(QueuePlaces, GivesBackWhatWasNotUsed) {
  QueuePlaces places(3);
  {
    Admission held;
    ASSERT_TRUE(places.hold(3, held));
    places.enter(held, 7);
    const Admission moved = std::move(held);
    EXPECT_EQ(places.taken(), 3);
  }
  EXPECT_EQ(places.taken(), 1) << "that of the sequence";
}

TEST(QueuePlaces, ASequenceLeavesOnce) {
  QueuePlaces places(2);
  Admission held;
  ASSERT_TRUE(places.hold(2, held));
  places.enter(held, 1);
  places.enter(held, 2);
  places.leave(1);
  places.leave(1);
  EXPECT_EQ(places.taken(), 1);
  EXPECT_FALSE(places.wait_until_empty(milliseconds(1)));
  places.leave(2);
  EXPECT_TRUE(places.wait_until_empty(milliseconds(1)));
}

}  // namespace
}  // namespace puna

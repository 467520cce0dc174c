// What a client is told when it should come back.

#include "generate/service_rate.h"

#include <gtest/gtest.h>

namespace puna {
namespace {

using std::chrono::seconds;

TEST(ServiceRate, IsOneSecondWhenNothingIsKnown) {
  EXPECT_EQ(ServiceRate().retry_after_seconds(8, 100), 1);
}

TEST(ServiceRate, GrowsWithTheQueueAndShrinksWithTheSlots) {
  ServiceRate rate;
  rate.add(seconds(8));
  EXPECT_EQ(rate.retry_after_seconds(4, 0), 2);
  EXPECT_EQ(rate.retry_after_seconds(4, 4), 10);
  EXPECT_EQ(rate.retry_after_seconds(8, 4), 5);
}

TEST(ServiceRate, StaysWithinItsBounds) {
  ServiceRate rate;
  rate.add(seconds(1000));
  EXPECT_EQ(rate.retry_after_seconds(1, 100), kRetryAfterSecondsMax);
}

TEST(ServiceRate, ForgetsOldLoad) {
  ServiceRate rate;
  rate.add(seconds(50));
  for (int i = 0; i < 100; ++i) rate.add(seconds(2));
  EXPECT_EQ(rate.retry_after_seconds(1, 0), 3);  // 2.001… rounded up
}

}  // namespace
}  // namespace puna

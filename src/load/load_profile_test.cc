// Ramps against their definition: straight lines, and integrals of them by small steps.

#include "load/load_profile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "load/arrivals.h"

namespace puna {
namespace {

using ::testing::HasSubstr;

TEST(LoadProfile, DurationsHaveUnits) {
  EXPECT_DOUBLE_EQ(parse_duration("--duration", "90").value(), 90);
  EXPECT_DOUBLE_EQ(parse_duration("--duration", "90s").value(), 90);
  EXPECT_DOUBLE_EQ(parse_duration("--duration", "500ms").value(), 0.5);
  EXPECT_DOUBLE_EQ(parse_duration("--duration", "1.5m").value(), 90);
  EXPECT_DOUBLE_EQ(parse_duration("--duration", "2h").value(), 7200);
  for (const char* wrong : {"", "s", "-1s", "0", "nan", "inf", "1e9h", "5 parsecs", "5s5"}) {
    EXPECT_THAT(parse_duration("--duration", wrong).status().message(),
                HasSubstr("--duration: \"" + std::string(wrong) + "\" is no time"));
  }
}

TEST(LoadProfile, ARampIsFromToTime) {
  const RampStage stage = parse_ramp("1:64:600s").value();
  EXPECT_DOUBLE_EQ(stage.from, 1);
  EXPECT_DOUBLE_EQ(stage.to, 64);
  EXPECT_DOUBLE_EQ(stage.seconds, 600);
  for (const char* wrong : {"", "1:64", "1:64:", "-1:4:1s", "1:x:1s", "1:2:3s:4", "1e7:1:1s"}) {
    EXPECT_THAT(parse_ramp(wrong).status().message(), HasSubstr("--ramp"));
  }
}

TEST(LoadProfile, StagesFollowEachOtherAndTheLastLevelStays) {
  const LoadProfile profile({{0, 10, 10}, {10, 4, 3}});
  EXPECT_DOUBLE_EQ(profile.stage_seconds(), 13);
  EXPECT_EQ(profile.describe("users"), "0 to 10 users in 10 s, 10 to 4 users in 3 s");
  EXPECT_EQ(LoadProfile(0.5).describe("requests/s"), "0.5 requests/s");
  EXPECT_DOUBLE_EQ(profile.peak(), 10);
  EXPECT_DOUBLE_EQ(profile.level(2.5), 2.5);
  EXPECT_DOUBLE_EQ(profile.level(11.5), 7);
  EXPECT_DOUBLE_EQ(profile.level(1000), 4);
}

TEST(LoadProfile, TheMomentOfARequestIsTheInverseOfTheIntegral) {
  const LoadProfile profile({{0, 10, 10}, {10, 4, 3}});
  constexpr double kStep = 1e-4;
  double sum = 0, time = 0;
  for (const double amount : {0.5, 10.0, 49.0, 60.0, 71.0, 90.0}) {
    while (sum < amount) {
      sum += kStep * profile.level(time + kStep / 2);
      time += kStep;
    }
    EXPECT_NEAR(profile.moment_of(amount).value(), time, 2 * kStep) << amount;
  }
}

TEST(LoadProfile, ARateThatFallsToNothingEnds) {
  const LoadProfile profile({{2, 0, 10}});
  EXPECT_NEAR(profile.moment_of(10).value(), 10, 1e-9);
  EXPECT_FALSE(profile.moment_of(10.001));
}

TEST(LoadProfile, UsersComeAndGoWithTheRamp) {
  const LoadProfile profile({{1, 4, 30}, {4, 1, 30}});
  EXPECT_DOUBLE_EQ(profile.user_comes(0, 0).value(), 0);
  EXPECT_DOUBLE_EQ(profile.user_comes(1, 0).value(), 5);   // the level is 1.5
  EXPECT_DOUBLE_EQ(profile.user_comes(3, 0).value(), 25);  // 3.5
  EXPECT_TRUE(profile.user_is_there(3, 34));
  EXPECT_FALSE(profile.user_is_there(3, 36));
  EXPECT_FALSE(profile.user_comes(3, 36));
  EXPECT_DOUBLE_EQ(profile.user_comes(0, 100).value(), 100);
}

TEST(PoissonArrivals, ComeAtTheirRateByChanceAndTheSameForASeed) {
  PoissonArrivals arrivals(LoadProfile(50), 7), again(LoadProfile(50), 7),
      other(LoadProfile(50), 8);
  constexpr int kCount = 20000;
  double last = 0, sum_of_squares = 0;
  bool differs = false;
  for (int i = 0; i < kCount; ++i) {
    const double next = arrivals.next().value();
    EXPECT_EQ(again.next().value(), next);
    differs = differs || other.next().value() != next;
    EXPECT_GE(next, last);
    sum_of_squares += (next - last) * (next - last);
    last = next;
  }
  EXPECT_TRUE(differs);
  // An exponential pause of mean 1/50: five standard deviations of the sums.
  EXPECT_NEAR(last, kCount / 50.0, 5 * std::sqrt(kCount) / 50);
  EXPECT_NEAR(sum_of_squares / kCount, 2.0 / (50 * 50), 5 * std::sqrt(20.0 / kCount) / (50 * 50));
}

}  // namespace
}  // namespace puna

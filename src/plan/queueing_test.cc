// The queueing model where the answer is known without it.

#include "plan/queueing.h"

#include <gtest/gtest.h>

#include <cmath>

namespace puna::plan {
namespace {

// Steps of 10 ms whatever runs, prompts of one more step.
BatchSpeed flat_speed(int streams) {
  BatchSpeed speed;
  speed.step_seconds.assign(static_cast<size_t>(streams) + 1, 0.01);
  speed.prompt_seconds.assign(static_cast<size_t>(streams) + 1, 0.01);
  return speed;
}

TEST(Queueing, OneUserAloneMeetsNobody) {
  const BatchSpeed speed = flat_speed(4);
  const Forecast alone = forecast({.users = 1, .answer_tokens = 100}, speed);
  EXPECT_NEAR(alone.ttft_p95, 0.01, 1e-6);
  EXPECT_NEAR(alone.tpot_p95, 0.01, 1e-6);
  // Thirty seconds of reading, then one of answering.
  EXPECT_NEAR(alone.running, 1.0 / 31, 1e-3);
  EXPECT_NEAR(alone.tokens_per_second, 100.0 / 31, 0.05);
}

// With one stream it is the machine repairman's problem with exponential times; for many users and
// a rare need of the machine, M/M/1: 95 of 100 wait less than ln(20 rho) / (mu - lambda).
TEST(Queueing, OneStreamIsMM1) {
  const BatchSpeed speed = flat_speed(1);
  const Workload workload = {.users = 4000, .think_seconds = 8000, .answer_tokens = 100};
  const double lambda = 0.5;
  const double mu = 1;
  const Forecast result = forecast(workload, speed);
  EXPECT_NEAR(result.tokens_per_second, 50, 1);
  EXPECT_NEAR(result.ttft_p95, std::log(20 * lambda / mu) / (mu - lambda), 0.35);
}

TEST(Queueing, MoreUsersWaitLonger) {
  BatchSpeed speed = flat_speed(8);
  for (size_t n = 0; n < speed.step_seconds.size(); ++n) {
    speed.step_seconds[n] = 0.02 + 0.002 * static_cast<double>(n);
    speed.prompt_seconds[n] = speed.step_seconds[n] + 0.1;
  }
  Forecast before;
  for (double users = 1; users < 200; users += 9) {
    const Forecast now = forecast({.users = users}, speed);
    EXPECT_GE(now.ttft_p95, before.ttft_p95 * 0.999) << users;
    EXPECT_GE(now.tpot_p95, before.tpot_p95 * 0.999) << users;
    EXPECT_EQ(is_in_time({.users = users}, speed, now.ttft_p95 * 1.01, now.tpot_p95 * 1.01),
              !now.is_saturated)
        << users;
    before = now;
  }
  EXPECT_TRUE(forecast({.users = 1e9}, speed).is_saturated);
}

TEST(Queueing, AFullServerGivesItsThroughput) {
  const BatchSpeed speed = flat_speed(8);
  const Workload workload = {.users = 100, .think_seconds = 0, .answer_tokens = 50};
  const Forecast full = forecast(workload, speed);
  EXPECT_NEAR(full.running, 8, 1e-6);
  EXPECT_NEAR(full.tokens_per_second, throughput(workload, speed, 8), 1e-3);
  EXPECT_NEAR(full.tokens_per_second, 800, 1e-3);
}

}  // namespace
}  // namespace puna::plan

// Quantiles beside a sorted list, windows beside a sum, and latencies from the intended moment.

#include "load/load_statistics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "load/random_draws.h"

namespace puna {
namespace {

using ::testing::HasSubstr;

TEST(Histogram, QuantilesAreWithinTheStatedErrorOfTheExactOnes) {
  for (const int bits : {Histogram::kFineBits, Histogram::kCoarseBits}) {
    Histogram histogram(bits);
    std::vector<double> values;
    RandomDraws draws(1, 2);
    for (int i = 0; i < 20000; ++i) {
      values.push_back(0.001 * std::exp(6 * draws.uniform()));  // 1 ms to 0.4 s
      histogram.add(values.back());
    }
    std::sort(values.begin(), values.end());
    for (const double share : {0.001, 0.5, 0.95, 0.99, 0.999, 1.0}) {
      const double exact = values[static_cast<size_t>(std::ceil(share * 20000)) - 1];
      EXPECT_NEAR(histogram.quantile(share), exact, exact * histogram.relative_error() + 1e-6);
    }
    EXPECT_EQ(histogram.max(), values.back());
  }
}

TEST(Histogram, TakesAnyNumberAndMergesExactly) {
  Histogram one, other, both;
  EXPECT_EQ(both.quantile(0.5), 0);
  EXPECT_EQ(both.mean(), 0);
  for (const double value : {-1.0, 0.0, std::nan(""), 1e-7, 3.0, 1e300, HUGE_VAL}) {
    one.add(value);
    both.add(value);
  }
  other.add(0.25);
  both.add(0.25);
  one.merge(other);
  EXPECT_EQ(one.count(), 8);
  EXPECT_EQ(one.max(), Histogram::kSecondsMax);
  for (const double share : {0.1, 0.6, 0.8, 1.0}) {
    EXPECT_EQ(one.quantile(share), both.quantile(share));
  }
}

TEST(LoadTimeline, HoweverLongTheRunItsWindowsAreFewAndLoseNothing) {
  LoadTimeline timeline;
  for (int second = 0; second < 5000; ++second) {
    timeline.change_in_flight(second, 1);
    ++timeline.at(second + 0.5).answered;
    timeline.change_in_flight(second + 0.5, -1);
  }
  EXPECT_LE(timeline.windows().size(), LoadTimeline::kWindowsMax);
  int64_t answered = 0;
  double busy = 0;
  for (const LoadWindow& window : timeline.windows()) {
    answered += window.answered;
    busy += window.in_flight_seconds;
    EXPECT_LE(window.in_flight_seconds, timeline.width());
  }
  EXPECT_EQ(answered, 5000);
  EXPECT_NEAR(busy, 2500, 1e-6);
}

TEST(LoadTimeline, TimelinesOfThreadsAddUp) {
  LoadTimeline one, other;
  one.change_in_flight(0, 1);
  one.change_in_flight(100, -1);  // wide windows
  other.change_in_flight(0, 2);
  other.change_in_flight(1, -2);
  one.merge(other);
  double busy = 0;
  for (const LoadWindow& window : one.windows()) busy += window.in_flight_seconds;
  EXPECT_NEAR(busy, 102, 1e-9);
}

RequestRecord request(double intended, double sent, double first, double last, double ended) {
  return {.intended = intended,
          .sent = sent,
          .first_token = first,
          .last_token = last,
          .ended = ended,
          .output_tokens = 11,
          .prompt_tokens = 100,
          .cached_tokens = 80};
}

TEST(LoadStatistics, LatenciesCountFromTheIntendedMoment) {
  LoadStatistics statistics;
  const RequestRecord late = request(1.0, 1.5, 2.0, 3.0, 3.25);
  statistics.begin(late);
  statistics.add_pieces(2.0, 1, std::nullopt);
  statistics.add_pieces(2.5, 2, 2.0);
  statistics.end_answered(late, 3);
  EXPECT_NEAR(statistics.ttft.max(), 1.0, 1e-9);
  EXPECT_NEAR(statistics.e2el.max(), 2.25, 1e-9);
  EXPECT_NEAR(statistics.tpot.max(), 0.1, 1e-9);
  EXPECT_NEAR(statistics.send_late.max(), 0.5, 1e-9);
  EXPECT_EQ(statistics.inter_token.count(), 2);  // 0.5 s, and two pieces at once
  EXPECT_NEAR(statistics.inter_token.mean(), 0.25, 1e-9);
}

TEST(LoadStatistics, CountsOfThreadsAddUpAndTheFirstExampleStays) {
  LoadStatistics one(parse_goodput({"ttft:600"}).value()), other = one;
  const RequestRecord quick = request(0, 0, 0.5, 1, 1), slow = request(0, 0, 0.7, 1, 1);
  for (const RequestRecord& record : {quick, slow}) {
    one.begin(record);
    one.end_answered(record, 11);
  }
  for (const char* said : {"queue is full", "still full"}) {
    other.begin(quick);
    other.end_failed(quick, "503", said);
  }
  other.begin(quick);
  other.end_dropped(2);
  one.merge(other);
  EXPECT_EQ(one.sent, 5);
  EXPECT_EQ(one.answered + one.failed + one.dropped, 5);
  EXPECT_EQ(one.met_target, 1);
  EXPECT_EQ(one.failures.at("503").count, 2);
  EXPECT_EQ(one.failures.at("503").example, "queue is full");
  EXPECT_EQ(one.output_tokens, 22);
  EXPECT_EQ(one.cached_tokens, 160);
}

TEST(Goodput, TakesTheWordsOfVllm) {
  const GoodputTarget target = parse_goodput({"ttft:500", "tpot:100", "e2el:2000"}).value();
  EXPECT_EQ(target.describe(), "ttft <= 500 ms, tpot <= 100 ms, e2el <= 2000 ms");
  EXPECT_TRUE(meets(target, 0.5, 0.1, 2));
  EXPECT_FALSE(meets(target, 0.501, 0.1, 2));
  EXPECT_FALSE(meets(target, 0.5, 0.101, 2));
  EXPECT_FALSE(meets(target, 0.5, 0.1, 2.001));
  EXPECT_TRUE(meets(target, std::nullopt, std::nullopt, 1));
  for (const char* wrong :
       {"", "ttft", "ttft:", "ttft:x", "ttft:-1", "ttft:0", "itl:5", "ttft:1ms"}) {
    EXPECT_THAT(parse_goodput({wrong}).status().message(), HasSubstr("--goodput"));
  }
  EXPECT_THAT(parse_goodput({"ttft:1", "ttft:2"}).status().message(), HasSubstr("twice"));
}

}  // namespace
}  // namespace puna

// Limits of keys, by a clock that the test moves.

#include "api/key_meter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace puna {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;

ApiClient client(const KeyLimits& limits) { return {.index = 1, .name = "shop", .limits = limits}; }

std::map<std::string, std::string> headers_of(const KeyMeter::Ticket& ticket) {
  const HttpHeaders headers = ticket.headers();
  return {headers.begin(), headers.end()};
}

TEST(RateBucket, FillsWithinAMinute) {
  ManualClock clock;
  RateBucket bucket;
  bucket.set_capacity(60);
  EXPECT_EQ(bucket.remaining(clock.now()), 60);
  bucket.take(60, clock.now());
  EXPECT_EQ(bucket.remaining(clock.now()), 0);
  EXPECT_DOUBLE_EQ(bucket.time_until(1, clock.now()).count(), 1);
  EXPECT_DOUBLE_EQ(bucket.time_until(60, clock.now()).count(), 60);
  clock.advance(milliseconds(1500));
  EXPECT_EQ(bucket.remaining(clock.now()), 1);
  clock.advance(seconds(3600));
  EXPECT_EQ(bucket.remaining(clock.now()), 60) << "no more is saved up than a minute's";
  bucket.give_back(100, clock.now());
  EXPECT_EQ(bucket.remaining(clock.now()), 60);
}

TEST(RateBucket, ANewLimitKeepsWhatWasUsed) {
  ManualClock clock;
  RateBucket bucket;
  bucket.set_capacity(100);
  bucket.take(40, clock.now());
  bucket.set_capacity(50);
  EXPECT_EQ(bucket.remaining(clock.now()), 10);
  bucket.set_capacity(200);
  EXPECT_EQ(bucket.remaining(clock.now()), 160);
}

// Whoever comes back when it was told to is let in, and who comes before is not.
TEST(KeyMeter, RetryAfterIsWhenTheNextRequestIsTaken) {
  for (const int64_t limit : {1, 7, 60, 1000}) {
    ManualClock clock;
    KeyMeter meter(clock);
    const ApiClient shop = client({.requests_per_minute = limit});
    for (int64_t i = 0; i < limit; ++i) {
      EXPECT_FALSE(meter.ticket(shop)->begin(0).has_value());
    }
    const auto refused = meter.ticket(shop)->begin(0);
    ASSERT_TRUE(refused.has_value());
    EXPECT_EQ(refused->status, 429);
    EXPECT_EQ(refused->type, "rate_limit_error");
    EXPECT_EQ(refused->code, "rate_limit_exceeded");
    EXPECT_EQ(refused->retry_after_seconds, (59 + limit) / limit);
    clock.advance(std::chrono::nanoseconds(60'000'000'000 / limit) - milliseconds(10));
    EXPECT_TRUE(meter.ticket(shop)->begin(0).has_value());
    clock.advance(milliseconds(10) + std::chrono::nanoseconds(1));
    EXPECT_FALSE(meter.ticket(shop)->begin(0).has_value()) << limit;
  }
}

TEST(KeyMeter, TokensAreTakenForTheLongestAnswerAndGivenBack) {
  ManualClock clock;
  KeyMeter meter(clock);
  const ApiClient shop = client({.tokens_per_minute = 600});
  const auto first = meter.ticket(shop), second = meter.ticket(shop);
  EXPECT_FALSE(first->begin(0).has_value());
  EXPECT_FALSE(first->reserve(500, 500).has_value());
  EXPECT_FALSE(second->begin(0).has_value());
  const auto refused = second->reserve(200, 200);
  ASSERT_TRUE(refused.has_value());
  EXPECT_EQ(refused->retry_after_seconds, 10);
  EXPECT_FALSE(refused->is_final);
  EXPECT_THAT(refused->message, HasSubstr("100 are left, and this request may take 200"));
  EXPECT_EQ(headers_of(*first)["x-ratelimit-remaining-tokens"], "100");
  EXPECT_EQ(headers_of(*first)["x-ratelimit-reset-tokens"], "50s");
  first->settle(120);
  EXPECT_EQ(headers_of(*first)["x-ratelimit-remaining-tokens"], "480");
  EXPECT_FALSE(second->reserve(200, 200).has_value());
  second->end();
  EXPECT_EQ(headers_of(*first)["x-ratelimit-remaining-tokens"], "480") << "it never ran";
}

TEST(KeyMeter, AnAnswerOfOpenLengthTakesWhatThereCanBeAndOneThatIsTooLongIsToldForGood) {
  ManualClock clock;
  KeyMeter meter(clock);
  const auto ticket = meter.ticket(client({.tokens_per_minute = 100}));
  const auto refused = ticket->reserve(101, 101);
  ASSERT_TRUE(refused.has_value());
  EXPECT_TRUE(refused->is_final);
  EXPECT_EQ(refused->retry_after_seconds, 0);
  EXPECT_FALSE(ticket->reserve(4096, 11).has_value());
  EXPECT_EQ(headers_of(*ticket)["x-ratelimit-remaining-tokens"], "0");
  ticket->settle(130);
  EXPECT_EQ(headers_of(*ticket)["x-ratelimit-reset-tokens"], "1m18s") << "30 more than there were";
}

TEST(KeyMeter, SoManyAtOnceAndNoMore) {
  ManualClock clock;
  KeyMeter meter(clock);
  const ApiClient shop = client({.concurrent_max = 2});
  auto first = meter.ticket(shop);
  const auto second = meter.ticket(shop);
  EXPECT_FALSE(first->begin(8).has_value());
  EXPECT_FALSE(second->begin(8).has_value());
  const auto refused = meter.ticket(shop)->begin(8);
  ASSERT_TRUE(refused.has_value());
  EXPECT_EQ(refused->retry_after_seconds, 4) << "two that take 8 s end one every 4 s";
  second->end();
  second->end();
  EXPECT_FALSE(meter.ticket(shop)->begin(8).has_value());
  EXPECT_TRUE(first->headers().empty());
  const auto third = meter.ticket(shop), fourth = meter.ticket(shop);
  EXPECT_FALSE(third->begin(8).has_value());
  EXPECT_TRUE(fourth->begin(8).has_value());
  first.reset();
  EXPECT_FALSE(fourth->begin(8).has_value());
}

TEST(KeyMeter, HeadersAreOpenAIs) {
  ManualClock clock;
  KeyMeter meter(clock);
  EXPECT_EQ(meter.ticket(client({})), nullptr);
  const auto ticket =
      meter.ticket(client({.requests_per_minute = 1000, .tokens_per_minute = 50000}));
  EXPECT_FALSE(ticket->begin(0).has_value());
  EXPECT_EQ(headers_of(*ticket),
            (std::map<std::string, std::string>{{"x-ratelimit-limit-requests", "1000"},
                                                {"x-ratelimit-remaining-requests", "999"},
                                                {"x-ratelimit-reset-requests", "60ms"},
                                                {"x-ratelimit-limit-tokens", "50000"},
                                                {"x-ratelimit-remaining-tokens", "50000"},
                                                {"x-ratelimit-reset-tokens", "0s"}}));
}

}  // namespace
}  // namespace puna

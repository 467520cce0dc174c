// The hand-over between the engine's thread and a reader.

#include "generate/token_feed.h"

#include <gtest/gtest.h>

namespace puna {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TokenChoice token(TokenId id) {
  TokenChoice choice;
  choice.token = id;
  return choice;
}

TEST(TokenFeed, GivesEverythingSinceTheLastTime) {
  const ManualClock clock;
  ServiceRate rate;
  TokenFeed feed(clock, rate);
  feed.on_token(token(1));
  feed.on_token(token(2));
  EXPECT_EQ(feed.take().tokens.size(), 2U);
  EXPECT_TRUE(feed.take().empty());
  feed.on_finish({.finish = EngineFinish::kStop, .end_token = 7});
  const TokenFeed::Fed fed = feed.take();
  ASSERT_TRUE(fed.end.has_value());
  EXPECT_EQ(fed.end->finish, EngineFinish::kStop);
  EXPECT_EQ(fed.end->end_token, 7);
}

TEST(TokenFeed, WakesOnceForMuch) {
  const ManualClock clock;
  ServiceRate rate;
  TokenFeed feed(clock, rate);
  int wakes = 0;
  feed.on_ready([&] { ++wakes; });
  feed.on_scheduled(0);
  EXPECT_EQ(wakes, 0) << "there is nothing to read yet";
  feed.on_token(token(1));
  feed.on_token(token(2));
  EXPECT_EQ(wakes, 1);
  feed.take();
  feed.on_token(token(3));
  EXPECT_EQ(wakes, 2);
}

TEST(TokenFeed, WakesAtOnceWhenSomethingIsThereAlready) {
  const ManualClock clock;
  ServiceRate rate;
  TokenFeed feed(clock, rate);
  feed.on_token(token(1));
  int wakes = 0;
  feed.on_ready([&] { ++wakes; });
  EXPECT_EQ(wakes, 1);
}

TEST(TokenFeed, WaitingEndsWithTheTimeout) {
  const ManualClock clock;
  ServiceRate rate;
  TokenFeed feed(clock, rate);
  EXPECT_TRUE(feed.wait(milliseconds(1)).empty());
}

TEST(TokenFeed, TimesWhatHappens) {
  ManualClock clock;
  ServiceRate rate;
  TokenFeed feed(clock, rate);
  clock.advance(milliseconds(10));
  feed.on_scheduled(0);
  clock.advance(milliseconds(20));
  feed.on_token(token(1));
  clock.advance(milliseconds(5));
  feed.on_scheduled(0);  // again, after a preemption: the wait was before the first time
  feed.on_token(token(2));
  clock.advance(milliseconds(5));
  feed.on_finish({.finish = EngineFinish::kStop});
  clock.advance(milliseconds(1000));
  const GenerationTimings timings = feed.timings();
  EXPECT_EQ(timings.queued, milliseconds(10));
  EXPECT_EQ(timings.first_token, milliseconds(30));
  EXPECT_EQ(timings.decode, milliseconds(5));
  EXPECT_EQ(timings.total, milliseconds(40));
}

TEST(TokenFeed, ItsTimeInASlotIsWhatARetryWaitsFor) {
  ManualClock clock;
  ServiceRate rate;
  const auto run = [&](seconds queued, seconds in_slot, EngineFinish finish) {
    TokenFeed feed(clock, rate);
    clock.advance(queued);
    feed.on_scheduled(0);
    clock.advance(in_slot);
    feed.on_finish({.finish = finish});
  };
  run(seconds(500), seconds(8), EngineFinish::kLength);
  EXPECT_EQ(rate.retry_after_seconds(1, 0), 8) << "the time in the queue is counted by the queue";
  run(seconds(500), seconds(0), EngineFinish::kError);
  EXPECT_EQ(rate.retry_after_seconds(1, 0), 8) << "what failed at once is no measure";
  TokenFeed left(clock, rate);
  clock.advance(seconds(100));
  left.on_finish({.finish = EngineFinish::kCancelled});
  EXPECT_EQ(rate.retry_after_seconds(1, 0), 8) << "it had no slot";
}

TEST(TokenFeed, AnEndTokenIsAToken) {
  ManualClock clock;
  ServiceRate rate;
  TokenFeed feed(clock, rate);
  clock.advance(milliseconds(30));
  feed.on_finish({.finish = EngineFinish::kStop, .end_token = 7});
  clock.advance(milliseconds(1000));
  EXPECT_EQ(feed.timings().first_token, milliseconds(30));
}

}  // namespace
}  // namespace puna

// Work on text beside the threads that must not wait for it. A pool ends before what its work
// refers to: it is the last that a test declares.

#include "generate/text_pool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <stdexcept>
#include <thread>

namespace puna {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;

constexpr size_t kLong = kShortTextBytes + 1;

// Holds a thread of the pool until it is opened.
class Gate {
 public:
  std::function<void()> work() {
    return [this] {
      entered_.set_value();
      opened_.get_future().wait();
    };
  }
  void wait_until_entered() { entered_.get_future().wait(); }
  void open() { opened_.set_value(); }

 private:
  std::promise<void> entered_, opened_;
};

TEST(TextPool, RunsWorkOnAThreadOfItsOwn) {
  for (const size_t bytes : {size_t{1}, kLong}) {
    std::promise<std::thread::id> ran;
    TextPool pool;
    ASSERT_TRUE(pool.run(bytes, [&] { ran.set_value(std::this_thread::get_id()); }).ok());
    EXPECT_NE(ran.get_future().get(), std::this_thread::get_id());
  }
}

TEST(TextPool, ShortWorkDoesNotWaitBehindLong) {
  Gate gate;
  std::promise<void> ran;
  TextPool pool;
  ASSERT_TRUE(pool.run(kLong, gate.work()).ok());
  gate.wait_until_entered();
  ASSERT_TRUE(pool.run(kShortTextBytes, [&] { ran.set_value(); }).ok());
  EXPECT_EQ(ran.get_future().wait_for(seconds(20)), std::future_status::ready);
  gate.open();
}

TEST(TextPool, RefusesMoreThanMayWaitAndSaysHowMuchThatIs) {
  Gate gate;
  TextPool pool;
  ASSERT_TRUE(pool.run(kTextBytesWaitingMax + 1, gate.work()).ok()) << "one may be longer";
  gate.wait_until_entered();
  ASSERT_TRUE(pool.run(kTextBytesWaitingMax - kLong, [] {}).ok());
  ASSERT_TRUE(pool.run(kLong, [] {}).ok());
  const Status refused = pool.run(kLong, [] {});
  EXPECT_EQ(refused.code(), StatusCode::kResourceExhausted);
  EXPECT_THAT(refused.message(), HasSubstr(std::to_string(kTextBytesWaitingMax)));
  EXPECT_TRUE(pool.run(1, [] {}).ok()) << "short work has a queue of its own";
  gate.open();
}

TEST(TextPool, RefusesMoreRequestsThanMayWait) {
  Gate gate;
  TextPool pool;
  ASSERT_TRUE(pool.run(1, gate.work()).ok());
  gate.wait_until_entered();
  for (size_t i = 0; i < kTextJobsWaitingMax; ++i) ASSERT_TRUE(pool.run(1, [] {}).ok());
  EXPECT_EQ(pool.run(1, [] {}).code(), StatusCode::kResourceExhausted);
  gate.open();
}

TEST(TextPool, DropsWhatHasNotBegunWhenItEnds) {
  Gate gate;
  const auto held = std::make_shared<int>(0);
  {
    auto pool = std::make_unique<TextPool>();
    ASSERT_TRUE(pool->run(kLong, gate.work()).ok());
    gate.wait_until_entered();
    ASSERT_TRUE(pool->run(kLong, [held] {}).ok());
    std::thread ending([&] { pool.reset(); });
    gate.open();
    ending.join();
  }
  EXPECT_EQ(held.use_count(), 1) << "it is gone, run or not";
}

TEST(TextPool, SurvivesWorkThatThrows) {
  std::promise<void> ran;
  TextPool pool;
  ASSERT_TRUE(pool.run(1, [] { throw std::runtime_error("no memory"); }).ok());
  ASSERT_TRUE(pool.run(1, [&] { ran.set_value(); }).ok());
  EXPECT_EQ(ran.get_future().wait_for(seconds(20)), std::future_status::ready);
}

// Ten times the text, ten times what one was measured to take at least.
TEST(TextPool, SaysHowLongTheWorkThatWaitsWillTake) {
  constexpr size_t kMegabyte = 1 << 20;
  std::promise<void> measured;
  Gate gate;
  TextPool pool;
  EXPECT_EQ(pool.wait_seconds(kMegabyte), 0);
  ASSERT_TRUE(pool.run(kMegabyte,
                       [&] {
                         const auto end =
                             std::chrono::steady_clock::now() + std::chrono::milliseconds(10);
                         while (std::chrono::steady_clock::now() < end) {
                         }
                         measured.set_value();
                       })
                  .ok());
  measured.get_future().wait();
  ASSERT_TRUE(pool.run(kMegabyte, gate.work()).ok());
  gate.wait_until_entered();  // so the one before is measured
  ASSERT_TRUE(pool.run(9 * kMegabyte, [] {}).ok());
  EXPECT_GE(pool.wait_seconds(kMegabyte), 0.099);
  EXPECT_EQ(pool.wait_seconds(1), 0) << "short texts wait for no long ones";
  gate.open();
}

}  // namespace
}  // namespace puna

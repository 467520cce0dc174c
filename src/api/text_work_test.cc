// Work on texts, as a connection sees it.

#include "api/text_work.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <new>
#include <string>

namespace puna {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;

HttpReply reply_of(std::string body) {
  HttpReply reply;
  reply.body = std::move(body);
  return reply;
}

std::unique_ptr<ReplyStream> begin(TextPool& pool, TextWork work) {
  HttpOutcome outcome = on_text_pool(pool, 1, 1, std::move(work));
  return std::move(std::get<std::unique_ptr<ReplyStream>>(outcome));
}

HttpReply wait(ReplyStream& stream) {
  std::promise<void> woken;
  stream.on_ready([&] { woken.set_value(); });
  EXPECT_EQ(woken.get_future().wait_for(seconds(20)), std::future_status::ready);
  ReplyPart part = stream.poll();
  EXPECT_TRUE(part.last);
  stream.on_ready(nullptr);
  return part.reply.value_or(HttpReply());
}

TEST(TextWork, WakesItsConnectionWithTheReply) {
  TextPool pool;
  const auto stream = begin(pool, [](const auto&) { return reply_of("made"); });
  EXPECT_EQ(wait(*stream).body, "made");
}

// Says how it went on after its work was done.
class Counting final : public ReplyStream {
 public:
  void on_ready(const std::function<void()>& wake) override {
    if (wake) wake();
  }
  ReplyPart poll() override {
    ReplyPart part;
    part.events = std::to_string(++polls_);
    part.last = polls_ == 2;
    return part;
  }
  bool begin_events() override { return true; }

 private:
  int polls_ = 0;
};

TEST(TextWork, BecomesTheAnswerThatItMade) {
  TextPool pool;
  std::promise<void> made;
  const auto stream = begin(pool, [&](const auto&) -> HttpOutcome {
    made.set_value();
    return std::make_unique<Counting>();
  });
  made.get_future().wait();
  ReplyPart part;
  while (part.events.empty()) part = stream->poll();
  EXPECT_EQ(part.events, "1");
  EXPECT_FALSE(part.last);
  EXPECT_TRUE(stream->poll().last);
}

TEST(TextWork, AClientThatLeavesIsNotWorkedFor) {
  TextPool pool;
  std::promise<void> entered, opened;
  auto running = begin(pool, [&](const std::atomic<bool>& abandoned) -> HttpOutcome {
    entered.set_value();
    opened.get_future().wait();
    EXPECT_TRUE(abandoned);
    return HttpReply();
  });
  entered.get_future().wait();
  bool ran = false;
  auto waiting = begin(pool, [&](const auto&) -> HttpOutcome {
    ran = true;
    return HttpReply();
  });
  running.reset();
  waiting.reset();
  opened.set_value();
  const auto last = begin(pool, [](const auto&) { return reply_of("after them"); });
  EXPECT_EQ(wait(*last).body, "after them");
  EXPECT_FALSE(ran);
}

TEST(TextWork, AnExceptionEndsTheRequestAlone) {
  TextPool pool;
  const auto stream = begin(pool, [](const auto&) -> HttpOutcome { throw std::bad_alloc(); });
  const HttpReply reply = wait(*stream);
  EXPECT_EQ(reply.status, 500);
  EXPECT_THAT(reply.body, HasSubstr("memory"));
}

TEST(TextWork, TooMuchTextIsRefusedWithATimeToComeBack) {
  TextPool pool;
  std::promise<void> entered, opened;
  const auto running = begin(pool, [&](const auto&) -> HttpOutcome {
    entered.set_value();
    opened.get_future().wait();
    return HttpReply();
  });
  entered.get_future().wait();
  std::vector<HttpOutcome> waiting;
  for (size_t i = 0; i < kTextJobsWaitingMax; ++i) {
    waiting.push_back(on_text_pool(pool, 1, 1, [](const auto&) { return HttpReply(); }));
  }
  const HttpOutcome refused = on_text_pool(pool, 1, 7, [](const auto&) { return HttpReply(); });
  const auto* reply = std::get_if<HttpReply>(&refused);
  ASSERT_NE(reply, nullptr);
  EXPECT_EQ(reply->status, 503);
  EXPECT_THAT(reply->headers,
              ::testing::Contains(std::pair<std::string, std::string>{"Retry-After", "7"}));
  opened.set_value();
}

}  // namespace
}  // namespace puna

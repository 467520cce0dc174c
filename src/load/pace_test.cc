// Who asks when, with a server that is played by the test.

#include "load/pace.h"

#include <gtest/gtest.h>

#include "load/support_shop.h"

namespace puna {
namespace {

// Conversations of two questions.
class TwoQuestions final : public Scenario {
 public:
  std::string describe() const override { return "two questions"; }
  std::shared_ptr<const ChatScript> script(uint64_t index) const override {
    auto script = std::make_shared<ChatScript>();
    const std::string name = std::to_string(index);
    script->turns = {{name + "a", std::nullopt}, {name + "b", "answer"}};
    return script;
  }
};

const auto kTwoQuestions = std::make_shared<TwoQuestions>();

TEST(ClosedLoop, AUserAsksAgainWhenAnswered) {
  ClosedLoop loop(LoadProfile(1), 0, 1, {}, kTwoQuestions, nullptr);
  EXPECT_EQ(loop.next().value(), 0);
  Customer* const user = loop.take();
  EXPECT_EQ(user->conversation.question(), "0a");
  EXPECT_FALSE(loop.next());
  loop.answered(*user, 2.5, "text");
  EXPECT_EQ(loop.next().value(), 2.5);
  EXPECT_EQ(loop.take()->conversation.question().back(), 'b');
  loop.answered(*user, 3, "text");
  EXPECT_EQ(loop.take()->conversation.question(), "1a");
}

TEST(ClosedLoop, UsersThinkAndAreNotAllThereAtOnce) {
  ClosedLoop loop(LoadProfile(100), 10, 1, {}, kTwoQuestions, nullptr);
  double sum = 0, last = 0;
  for (int i = 0; i < 100; ++i) {
    const double next = loop.next().value();
    EXPECT_GE(next, last);
    last = next;
    sum += next;
    ASSERT_NE(loop.take(), nullptr);
  }
  EXPECT_NEAR(sum / 100, 10, 5);  // exponential: a standard deviation is 1
  EXPECT_FALSE(loop.next());
}

TEST(ClosedLoop, ARefusedUserComesBackWithTheSameQuestionOrPauses) {
  ClosedLoop loop(LoadProfile(1), 0, 1, {}, kTwoQuestions, nullptr);
  loop.failed(*loop.take(), 1, 7);
  EXPECT_EQ(loop.next().value(), 8);
  Customer* const user = loop.take();
  EXPECT_EQ(user->conversation.question(), "0a");
  loop.failed(*user, 9, std::nullopt);
  EXPECT_EQ(loop.next().value(), 9 + kPauseAfterFailureSeconds);
  EXPECT_EQ(loop.take()->conversation.question(), "1a");
}

TEST(ClosedLoop, ThreadsShareUsersAndTheLimitOfRequests) {
  std::atomic<int64_t> left{3};
  ClosedLoop even(LoadProfile(4), 0, 1, {0, 2}, kTwoQuestions, &left);
  ClosedLoop odd(LoadProfile(4), 0, 1, {1, 2}, kTwoQuestions, &left);
  EXPECT_EQ(even.take()->number, 0U);
  EXPECT_EQ(even.take()->number, 2U);
  EXPECT_EQ(odd.take()->number, 1U);
  EXPECT_EQ(odd.take(), nullptr);
  EXPECT_FALSE(odd.next());
}

TEST(ClosedLoop, UsersLeaveWhenTheRampFalls) {
  ClosedLoop loop(LoadProfile({{2, 0, 10}}), 0, 1, {}, kTwoQuestions, nullptr);
  Customer* const first = loop.take();
  Customer* const second = loop.take();
  loop.answered(*second, 1, "");
  EXPECT_EQ(loop.take(), second);
  loop.answered(*second, 5, "");  // one user is left now
  EXPECT_EQ(loop.take(), nullptr);
  EXPECT_FALSE(loop.next());
  loop.answered(*first, 6, "");
  EXPECT_EQ(loop.take(), first);
}

TEST(OpenLoop, RequestsComeWhateverTheServerDoes) {
  OpenLoop loop(LoadProfile(10), 0, 5, {}, kTwoQuestions, 50);
  PoissonArrivals arrivals(LoadProfile(10), 5);
  std::vector<Customer*> asked;
  while (const auto next = loop.next()) {
    EXPECT_EQ(*next, arrivals.next().value());
    asked.push_back(loop.take());
    EXPECT_EQ(asked.back()->conversation.turn(), 0U);  // nobody was answered
  }
  EXPECT_EQ(asked.size(), 50U);
}

TEST(OpenLoop, AnArrivalAsksTheNextQuestionOfWhoHasAnAnswer) {
  OpenLoop loop(LoadProfile(10), 0, 5, {}, kTwoQuestions, 0);
  Customer* const first = loop.take();
  loop.take();
  const double third = loop.next().value();
  loop.answered(*first, third - 1e-6, "");
  EXPECT_EQ(loop.take(), first);
  EXPECT_EQ(first->conversation.turn(), 1U);
  loop.failed(*first, third, std::nullopt);
  EXPECT_EQ(loop.take()->conversation.turn(), 0U);
}

TEST(OpenLoop, AnyNumberOfThreadsSendTheSameRequests) {
  OpenLoop alone(LoadProfile(10), 0, 5, {}, make_support_shop(5), 20);
  OpenLoop even(LoadProfile(10), 0, 5, {0, 2}, make_support_shop(5), 20);
  OpenLoop odd(LoadProfile(10), 0, 5, {1, 2}, make_support_shop(5), 20);
  for (int i = 0; i < 20; ++i) {
    OpenLoop& part = i % 2 == 0 ? even : odd;
    EXPECT_EQ(part.next(), alone.next());
    EXPECT_EQ(part.take()->conversation.question(), alone.take()->conversation.question());
  }
  EXPECT_FALSE(even.next());
  EXPECT_FALSE(odd.next());
}

}  // namespace
}  // namespace puna

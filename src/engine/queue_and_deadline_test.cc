// Who waits is told its place; who is late ends.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/engine_core.h"
#include "engine/test_engine.h"

namespace puna {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class Listener final : public SequenceListener {
 public:
  void on_queued(const QueuePlace& told) override { places.push_back(told.place); }
  void on_scheduled(int) override { began = true; }
  void on_prompt_logprobs(std::vector<TokenChoice>) override {}
  void on_token(const TokenChoice&) override { ++tokens; }
  void on_finish(const SequenceEnd&) override {}

  std::vector<int> places;
  bool began = false;
  int tokens = 0;
};

// One sequence runs at a time.
class QueueTest : public ::testing::Test {
 protected:
  QueueTest() : core_(open_fake({}), options(), clock_) {}
  static EngineOptions options() {
    EngineOptions options;
    options.max_num_seqs = 1;
    return options;
  }
  std::shared_ptr<Listener> add(SequenceId id, int max_tokens, RequestOrigin origin = {}) {
    auto listener = std::make_shared<Listener>();
    EngineRequest request;
    request.prompt = prompt_number(static_cast<int>(id));
    request.sampling.max_tokens = max_tokens;
    request.sampling.ignore_eos = true;
    request.listener = listener;
    request.origin = std::move(origin);
    core_.add(id, std::move(request));
    return listener;
  }
  RequestOrigin within(milliseconds time) const {
    RequestOrigin origin;
    origin.deadline = clock_.now() + time;
    return origin;
  }
  void step(int count = 1, milliseconds each = milliseconds(100)) {
    for (int i = 0; i < count; ++i) {
      core_.step();
      clock_.advance(each);
    }
  }

  ManualClock clock_;
  EngineCore core_;
};

TEST_F(QueueTest, APlaceIsToldSoonAndThenOnceASecondWhenItIsAnother) {
  const auto first = add(1, 3), second = add(2, 3), third = add(3, 3);
  step();
  EXPECT_THAT(first->places, IsEmpty());
  EXPECT_THAT(second->places, ElementsAre(1));
  EXPECT_THAT(third->places, ElementsAre(2));
  const auto fourth = add(4, 3);
  step(3);
  EXPECT_TRUE(second->began);
  EXPECT_THAT(third->places, ElementsAre(2)) << "not yet again";
  EXPECT_THAT(fourth->places, ElementsAre(3));
  clock_.advance(seconds(1));
  step();
  EXPECT_THAT(third->places, ElementsAre(2, 1));
  EXPECT_THAT(fourth->places, ElementsAre(3, 2));
  clock_.advance(seconds(1));
  step();
  EXPECT_THAT(fourth->places, ElementsAre(3, 2)) << "nothing new";
}

TEST_F(QueueTest, TheOrderIsThatOfTheKeysTurns) {
  RequestOrigin busy, other;
  busy.client = 1;
  other.client = 2;
  add(1, 50, busy);
  const auto second = add(2, 5, busy), third = add(3, 5, busy), newcomer = add(4, 5, other);
  step();
  EXPECT_THAT(newcomer->places, ElementsAre(1)) << "its key has had nothing";
  EXPECT_THAT(second->places, ElementsAre(2));
  EXPECT_THAT(third->places, ElementsAre(3));
}

TEST_F(QueueTest, WhoIsLateEndsBeforeTheNextStepWithWhatItHas) {
  const auto late = add(1, 100, within(milliseconds(450)));
  const auto in_time = add(2, 2), waits = add(3, 5, within(milliseconds(250)));
  step(5);
  EXPECT_EQ(late->tokens, 5);
  core_.step();
  const auto ended = core_.take_ended();
  ASSERT_EQ(ended.size(), 2U);
  EXPECT_EQ(ended[0].id, 3);
  EXPECT_EQ(ended[1].id, 1);
  for (const EndedSequence& one : ended) EXPECT_EQ(one.end.finish, EngineFinish::kDeadline);
  EXPECT_EQ(late->tokens, 5);
  EXPECT_FALSE(waits->began);
  EXPECT_TRUE(in_time->began) << "in the same step";
  step(2);
  EXPECT_TRUE(core_.idle());
  EXPECT_EQ(core_.stats().blocks_used, 0);
  EXPECT_EQ(core_.stats().finished_length, 3U);
}

TEST_F(QueueTest, AStepInWhichEverybodyIsLateComputesNothing) {
  add(1, 5, within(milliseconds(0)));
  step();
  EXPECT_TRUE(core_.idle());
  EXPECT_EQ(core_.stats().steps, 0U);
}

}  // namespace
}  // namespace puna

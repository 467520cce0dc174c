// A long prompt beside chats, on a machine whose time is a sum: what the chats feel of it.

#include <gtest/gtest.h>

#include <algorithm>

#include "base/clock.h"
#include "engine/engine_core.h"
#include "engine/test_engine.h"

namespace puna {
namespace {

using std::chrono::milliseconds;

// A step takes 20 ms, 1 ms for each sequence, and 3 ms for each token of a prompt.
class TimedBackend final : public BlockingBackend {
 public:
  TimedBackend(std::unique_ptr<Backend> sound, ManualClock& clock)
      : sound_(std::move(sound)), clock_(clock) {}
  const BackendLimits& limits() const override { return sound_->limits(); }
  const BackendTraits& traits() const override { return sound_->traits(); }
  std::string describe() const override { return sound_->describe(); }

 private:
  Result<StepResult> compute(const StepBatch& batch) override {
    const auto runs = std::ssize(batch.runs);
    clock_.advance(milliseconds(20 + runs + 3 * (std::ssize(batch.tokens) - runs)));
    return sound_->run(batch);
  }

  std::unique_ptr<Backend> sound_;
  ManualClock& clock_;
};

class TokenTimes final : public SequenceListener {
 public:
  explicit TokenTimes(const Clock& clock) : clock_(clock) {}
  void on_scheduled(int) override {}
  void on_prompt_logprobs(std::vector<TokenChoice>) override {}
  void on_token(const TokenChoice&) override { times.push_back(clock_.now()); }
  void on_finish(const SequenceEnd&) override {}

  std::vector<Clock::Time> times;

 private:
  const Clock& clock_;
};

class FairSteps : public ::testing::Test {
 protected:
  static constexpr int kChats = 30;

  FairSteps() {
    EngineSettings settings;
    settings.max_num_seqs = 64;
    settings.step_tokens_max = 512;
    settings.max_model_len = 4096;
    EngineOptions options;
    core_ = std::make_unique<EngineCore>(
        std::make_unique<TimedBackend>(open_fake(settings), clock_), options, clock_);
    for (int i = 0; i < kChats; ++i) chats_.push_back(add(20, 1000));
    for (int i = 0; i < 20; ++i) core_->step();
  }

  std::shared_ptr<TokenTimes> add(int prompt_size, int max_tokens) {
    auto times = std::make_shared<TokenTimes>(clock_);
    ++added_;
    EngineRequest request;
    request.prompt = prompt_number(added_, prompt_size);
    request.sampling.temperature = 0;
    request.sampling.ignore_eos = true;
    request.sampling.max_tokens = max_tokens;
    request.listener = times;
    core_->add(static_cast<SequenceId>(added_), std::move(request));
    return times;
  }

  // The longest time that a chat waited for a token since `start`.
  std::chrono::nanoseconds longest_wait(Clock::Time start) const {
    std::chrono::nanoseconds longest{0};
    for (const auto& chat : chats_) {
      Clock::Time before = start;
      for (const Clock::Time time : chat->times) {
        if (time <= start) continue;
        longest = std::max<std::chrono::nanoseconds>(longest, time - before);
        before = time;
      }
    }
    return longest;
  }

  ManualClock clock_;
  std::unique_ptr<EngineCore> core_;
  std::vector<std::shared_ptr<TokenTimes>> chats_;
  int added_ = 0;
};

TEST_F(FairSteps, ChatsKeepHalfTheirPaceBesideALongPrompt) {
  const Clock::Time alone = clock_.now();
  for (int i = 0; i < 10; ++i) core_->step();
  const auto before = longest_wait(alone);
  EXPECT_EQ(before, milliseconds(50));
  const auto reader = add(3500, 1);
  const Clock::Time start = clock_.now();
  int steps = 0;
  for (; reader->times.empty() && steps < 1000; ++steps) core_->step();
  EXPECT_FALSE(reader->times.empty()) << "the prompt comes to an end";
  EXPECT_LE(longest_wait(start), 2 * before);
  // 3 ms for each of its tokens are 10.5 s: it has a good part of the time.
  EXPECT_LE(clock_.now() - start, milliseconds(3 * 10'500));
}

TEST_F(FairSteps, AShortPromptIsNotHeldUpByLongOnes) {
  add(3500, 1);
  add(3000, 1);
  for (int i = 0; i < 5; ++i) core_->step();
  const auto question = add(10, 5);
  const Clock::Time asked = clock_.now();
  for (int i = 0; i < 10 && question->times.empty(); ++i) core_->step();
  ASSERT_FALSE(question->times.empty());
  EXPECT_LE(question->times[0] - asked, milliseconds(300));
}

}  // namespace
}  // namespace puna

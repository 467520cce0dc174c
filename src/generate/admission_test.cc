// What is refused, when, and what a client is told then.

#include <gmock/gmock.h>

#include <atomic>

#include "generate/test_generator.h"

namespace puna {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;

// Computes only while it is open.
class GatedBackend final : public BlockingBackend {
 public:
  struct Gate {
    std::atomic<bool> open = false;
    std::atomic<int> entered = 0;
  };
  GatedBackend(std::unique_ptr<Backend> sound, Gate& gate)
      : sound_(std::move(sound)), gate_(gate) {}
  const BackendLimits& limits() const override { return sound_->limits(); }
  std::string describe() const override { return sound_->describe(); }
  const BackendTraits& traits() const override { return sound_->traits(); }

 private:
  Result<StepResult> compute(const StepBatch& batch) override {
    ++gate_.entered;
    gate_.entered.notify_all();
    gate_.open.wait(false);
    return sound_->run(batch);
  }

  std::unique_ptr<Backend> sound_;
  Gate& gate_;
};

// At once: while the first step is still being computed, and before anything has been answered.
TEST_F(GeneratorTest, AFullQueueIsRefusedAtOnce) {
  GatedBackend::Gate gate;
  generator_ = open(std::make_unique<GatedBackend>(open_backend(0), gate), /*waiting_max=*/1);
  std::vector<std::unique_ptr<GenerationStream>> streams;
  Status refused;
  for (int i = 0; i < 8 && refused.ok(); ++i) {
    auto stream = generator_->start(chat("Hello"));
    if (stream.ok()) {
      streams.push_back(std::move(stream).value());
    } else {
      refused = stream.status();
    }
  }
  EXPECT_EQ(refused.code(), StatusCode::kResourceExhausted);
  EXPECT_GE(generator_->retry_after_seconds(), 1);
  EXPECT_LE(gate.entered, 1) << "steps that were waited for";
  gate.open = true;
  gate.open.notify_all();
  for (const auto& stream : streams) {
    while (stream->wait(seconds(10)).finish == FinishReason::kNone) {
    }
    EXPECT_EQ(stream->usage().completion_tokens, 40) << "whoever was let in is answered";
  }
}

TEST_F(GeneratorTest, AFullQueueIsRefusedBeforeAnyoneLooksAtTheText) {
  GatedBackend::Gate gate;
  generator_ = open(std::make_unique<GatedBackend>(open_backend(0), gate), /*waiting_max=*/0);
  Admission all;
  ASSERT_TRUE(generator_->admit(4, all).ok());
  GenerationRequest wrong = chat("");
  wrong.prompt = TokenIds{-1};
  EXPECT_EQ(refusal(wrong).code(), StatusCode::kResourceExhausted);
  all = Admission();
  EXPECT_EQ(refusal(wrong).code(), StatusCode::kInvalidArgument);
  gate.open = true;
}

TEST_F(GeneratorTest, ATextThatIsTooLongInBytesIsNotTokenized) {
  GenerationRequest request = chat(std::string(20000, 'a'));
  const Status status = refusal(request);
  EXPECT_EQ(status.code(), StatusCode::kOutOfRange);
  EXPECT_THAT(status.message(), HasSubstr("bytes, and this model's maximum length is 512 tokens"));
  request.prompt = std::string(20000, 'a');
  EXPECT_THAT(refusal(request).message(), HasSubstr("20000 bytes"));
  EXPECT_TRUE(generator_->tokenize(std::string(20000, 'a'), false).ok()) << "counting is no prompt";
}

TEST_F(GeneratorTest, ChoicesShareOnePrompt) {
  const GenerationRequest request = chat("Hello");
  Admission admission;
  ASSERT_TRUE(generator_->admit(2, admission).ok());
  const auto prompt = generator_->make_prompt(request);
  ASSERT_TRUE(prompt.ok());
  const auto first = generator_->start(request, *prompt, admission);
  const auto second = generator_->start(request, *prompt, admission);
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(admission.places(), 0);
  EXPECT_EQ(&(*first)->prompt_tokens(), &(*second)->prompt_tokens());
}

TEST_F(GeneratorTest, RetryAfterIsTheTimeInASlotAndNotInTheQueue) {
  ManualClock clock;
  GatedBackend::Gate gate;
  generator_ = open(std::make_unique<GatedBackend>(open_backend(0), gate), 64, clock);
  const auto stream = generator_->start(chat("Hello"));
  ASSERT_TRUE(stream.ok());
  gate.entered.wait(0);
  clock.advance(seconds(30));
  gate.open = true;
  gate.open.notify_all();
  while ((*stream)->wait(seconds(10)).finish == FinishReason::kNone) {
  }
  EXPECT_EQ(generator_->retry_after_seconds(), 30);
  EXPECT_EQ((*stream)->timings().total, seconds(30)) << "by the clock that was given";
}

TEST_F(GeneratorTest, NothingNewIsTakenWhileDraining) {
  generator_->drain(seconds(1));
  EXPECT_EQ(refusal(chat("x")).code(), StatusCode::kUnavailable);
}

}  // namespace
}  // namespace puna

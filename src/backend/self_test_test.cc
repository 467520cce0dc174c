// A double with just the fault that is looked for.

#include "backend/self_test.h"

#include <gtest/gtest.h>

#include <limits>

namespace puna {
namespace {

class ScriptedBackend final : public BlockingBackend {
 public:
  BackendLimits the_limits = {.block_count = 8,
                              .step_tokens_max = 64,
                              .step_runs_max = 8,
                              .vocab_size = 4,
                              .max_model_len = 64};
  BackendTraits the_traits;
  std::vector<std::string> steps;
  float drift = 0;  // added to a logit at each step
  float first_logit = 1;

  const BackendLimits& limits() const override { return the_limits; }
  const BackendTraits& traits() const override { return the_traits; }
  std::string describe() const override { return "scripted"; }

 private:
  Result<StepResult> compute(const StepBatch& batch) override {
    RETURN_IF_ERROR(validate(batch, the_limits, the_traits));
    rows_.clear();
    for (size_t i = 0; i < batch.wanted_rows.size(); ++i) {
      const float drifted = drift * static_cast<float>(steps.size());
      rows_.insert(rows_.end(), {first_logit, 2, 3, drifted});
    }
    steps.push_back(puna::describe(batch));
    return StepResult{.logits = {.values = rows_, .vocab_size = the_limits.vocab_size}};
  }

  std::vector<float> rows_;
};

constexpr TokenId kPrompt[] = {1, 2, 3, 1, 2};

TEST(SelfTest, ReadsAPromptAgainBesideItsFirstTokensStep) {
  ScriptedBackend backend;
  EXPECT_TRUE(self_test(backend, kPrompt).ok());
  ASSERT_EQ(backend.steps.size(), 2U);
  EXPECT_NE(backend.steps[0], backend.steps[1]);
}

TEST(SelfTest, NoticesLogitsThatDriftAsBrokenMemoryMakesThem) {
  ScriptedBackend backend;
  backend.drift = 1e-6F;
  EXPECT_EQ(self_test(backend, kPrompt).code(), StatusCode::kInternal);
}

TEST(SelfTest, TakesASmallDriftFromABackendThatPromisesNoBits) {
  ScriptedBackend backend;
  backend.the_traits.exactness = Exactness::kTolerance;
  backend.drift = 1e-6F;
  EXPECT_TRUE(self_test(backend, kPrompt).ok());
}

TEST(SelfTest, RepeatsTheVeryStepWhereOnlyTheSameStepHasTheSameBits) {
  ScriptedBackend backend;
  backend.the_traits.exactness = Exactness::kWithinStep;
  EXPECT_TRUE(self_test(backend, kPrompt).ok());
  ASSERT_EQ(backend.steps.size(), 2U);
  EXPECT_EQ(backend.steps[0], backend.steps[1]);
}

TEST(SelfTest, RefusesLogitsThatAreNoNumbers) {
  ScriptedBackend backend;
  backend.first_logit = std::numeric_limits<float>::quiet_NaN();
  const Status status = self_test(backend, kPrompt);
  EXPECT_EQ(status.code(), StatusCode::kInternal);
  EXPECT_NE(status.message().find("not numbers"), std::string::npos);
}

TEST(SelfTest, KeepsTheSmallestLimits) {
  for (const int one : {1, 2, 3}) {
    ScriptedBackend backend;
    backend.the_limits.step_tokens_max = one;
    EXPECT_TRUE(self_test(backend, kPrompt).ok()) << one << " tokens a step";
    backend.the_limits.max_model_len = one;
    EXPECT_TRUE(self_test(backend, kPrompt).ok()) << one << " positions";
    backend.the_limits.block_count = one;
    EXPECT_TRUE(self_test(backend, kPrompt).ok()) << one << " blocks";
    backend.the_limits.step_runs_max = one;
    EXPECT_TRUE(self_test(backend, kPrompt).ok()) << one << " runs";
  }
}

}  // namespace
}  // namespace puna

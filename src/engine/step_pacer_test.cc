// A machine that takes 10 ms for any answers, 1 ms for each, and 2 ms for a token of a prompt.

#include "engine/step_pacer.h"

#include <gtest/gtest.h>

namespace puna {
namespace {

double seconds_of(int answers, int prompt_tokens) {
  return (answers > 0 ? 0.010 + 0.001 * answers : 0.0) + 0.002 * prompt_tokens;
}

void run(StepPacer& pacer, int answers, int prompt_tokens) {
  pacer.add(answers, prompt_tokens, seconds_of(answers, prompt_tokens));
}

TEST(StepPacer, PromptsAloneTakeAllThereIs) {
  StepPacer pacer(0);
  EXPECT_EQ(pacer.prompt_tokens(0), StepPacer::kUnlimited);
  run(pacer, 0, 512);
  EXPECT_EQ(pacer.prompt_tokens(0), StepPacer::kUnlimited);
}

TEST(StepPacer, BesideAnswersAStepTakesLessThanTwiceTheirTime) {
  StepPacer pacer(0);
  run(pacer, 0, 512);
  run(pacer, 90, 0);
  for (int step = 0; step < 50; ++step) {
    const int tokens = pacer.prompt_tokens(90);
    EXPECT_GT(tokens, StepPacer::kPromptTokensMin);
    EXPECT_LT(seconds_of(90, tokens), 2 * seconds_of(90, 0));
    EXPECT_GT(seconds_of(90, tokens), 1.6 * seconds_of(90, 0));
    run(pacer, 90, tokens);
  }
}

TEST(StepPacer, BeforeAnythingIsKnownPromptsAreCutSmall) {
  StepPacer pacer(0);
  EXPECT_EQ(pacer.prompt_tokens(90), StepPacer::kPromptTokensFirst);
  run(pacer, 90, StepPacer::kPromptTokensFirst);
  EXPECT_EQ(pacer.prompt_tokens(90), StepPacer::kPromptTokensFirst);
}

TEST(StepPacer, LearnsWhatAnswersTakeFromStepsThatHaveBoth) {
  StepPacer pacer(0);
  run(pacer, 0, 512);
  run(pacer, 90, 64);
  const int tokens = pacer.prompt_tokens(90);
  EXPECT_LT(seconds_of(90, tokens), 2 * seconds_of(90, 0));
  EXPECT_GT(seconds_of(90, tokens), 1.6 * seconds_of(90, 0));
}

TEST(StepPacer, KeepsALimitThatItIsGiven) {
  StepPacer pacer(0.5);
  EXPECT_EQ(pacer.prompt_tokens(0), StepPacer::kPromptTokensFirst);
  run(pacer, 0, 512);
  EXPECT_EQ(pacer.prompt_tokens(0), 250);
  run(pacer, 90, 0);
  EXPECT_NEAR(seconds_of(90, pacer.prompt_tokens(90)), 0.5, 0.01);
}

TEST(StepPacer, APromptAlwaysGoesOn) {
  StepPacer pacer(0.001);
  run(pacer, 0, 512);
  run(pacer, 4, 0);
  EXPECT_EQ(pacer.prompt_tokens(0), StepPacer::kPromptTokensMin);
  EXPECT_EQ(pacer.prompt_tokens(4), StepPacer::kPromptTokensMin);
}

TEST(StepPacer, OneSlowStepMakesNoLongOnes) {
  StepPacer pacer(0);
  run(pacer, 0, 512);
  pacer.add(90, 0, 10 * seconds_of(90, 0));
  run(pacer, 90, 20);  // which seems to cost nothing
  EXPECT_LE(pacer.prompt_tokens(90), 0.75 * 10 * seconds_of(90, 0) / 0.001 + 1);
}

TEST(StepPacer, FollowsAMachineThatBecomesSlower) {
  StepPacer pacer(0);
  run(pacer, 0, 512);
  run(pacer, 90, 0);
  const int before = pacer.prompt_tokens(90);
  for (int step = 0; step < 40; ++step) pacer.add(90, 0, 3 * seconds_of(90, 0));
  EXPECT_NEAR(pacer.prompt_tokens(90), 3 * before, before / 4);
}

}  // namespace
}  // namespace puna

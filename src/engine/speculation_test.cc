// What is verified of drafts: on a machine whose steps take known times.

#include "engine/speculation.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace puna {
namespace {

// A step of up to eight tokens reads the weights in 100 ms, and more tokens take 12 ms each.
double seconds_of(int tokens) { return std::max(0.1 + 0.002 * tokens, 0.012 * tokens); }

// A machine that has been busy for a while.
DraftCosts learned_costs(int answer_count) {
  DraftCosts costs;
  for (int round = 0; round < 40; ++round) {
    for (int drafted = 0; drafted <= DraftCosts::kDraftsMax; ++drafted) {
      costs.add(answer_count, drafted, seconds_of(answer_count + drafted));
      costs.add(answer_count, 0, seconds_of(answer_count));
    }
  }
  return costs;
}

int chosen(const std::vector<int>& counts) {
  int sum = 0;
  for (const int count : counts) sum += count;
  return sum;
}

TEST(DraftCosts, AreLearnedFromStepsAndNotKnownWithoutAPlainOne) {
  DraftCosts costs;
  EXPECT_FALSE(costs.ratio(1, 4));
  costs.add(1, 4, 0.2);
  EXPECT_FALSE(costs.ratio(1, 4)) << "compared with nothing";
  costs.add(1, 0, 0.1);
  EXPECT_GT(*costs.ratio(1, 4), 1);
  EXPECT_LT(*costs.ratio(1, 4), 1.2) << "few rows are believed to cost little";
  EXPECT_FALSE(costs.ratio(2, 4)) << "other answers, other steps";
  const DraftCosts learned = learned_costs(1);
  for (const int drafted : {1, 4, 8, 16, 24}) {
    EXPECT_NEAR(*learned.ratio(1, drafted), seconds_of(1 + drafted) / seconds_of(1), 0.02);
  }
}

TEST(DraftCosts, APlainStepIsAskedForWhenTheLastIsLongAgo) {
  DraftCosts costs = learned_costs(1);
  int drafted = 0;
  while (costs.ratio(1, 4) && drafted < 1000) {
    costs.add(1, 4, 0.1);
    ++drafted;
  }
  EXPECT_GT(drafted, 30);
  EXPECT_LT(drafted, 100);
  costs.add(1, 0, 0.1);
  EXPECT_TRUE(costs.ratio(1, 4));
}

TEST(DraftCosts, ADeeperTextIsNoCostOfDrafts) {
  DraftCosts costs = learned_costs(1);
  for (int i = 0; i < 200; ++i) {
    const double deeper = 1 + 0.001 * i;
    costs.add(1, i % 10 == 0 ? 0 : 4, deeper * seconds_of(i % 10 == 0 ? 1 : 5));
  }
  EXPECT_NEAR(*costs.ratio(1, 4), seconds_of(5) / seconds_of(1), 0.1);
}

TEST(DraftCosts, AStepThatWasInterruptedIsForgotten) {
  DraftCosts costs = learned_costs(1);
  costs.add(1, 4, 30);
  EXPECT_LT(*costs.ratio(1, 4), 1.5);
  costs.add(1, 0, 30);
  for (int i = 0; i < 20; ++i) costs.add(1, 0, seconds_of(1));
  for (int i = 0; i < 20; ++i) costs.add(1, 4, seconds_of(5));
  EXPECT_NEAR(*costs.ratio(1, 4), seconds_of(5) / seconds_of(1), 0.02);
}

TEST(DraftCosts, MoreAnswersThanItKnowsHaveNoDrafts) {
  DraftCosts costs;
  costs.add(DraftCosts::kAnswersMax + 1, 0, 0.1);
  costs.add(0, 0, 0.1);
  EXPECT_FALSE(costs.ratio(DraftCosts::kAnswersMax + 1, 1));
  EXPECT_FALSE(costs.ratio(0, 1));
}

TEST(DraftAcceptance, IsLearnedByTheLengthOfTheMatch) {
  DraftAcceptance acceptance;
  EXPECT_LT(acceptance.probability(2), acceptance.probability(5));
  EXPECT_LT(acceptance.probability(5), acceptance.probability(9));
  for (int i = 0; i < 50; ++i) {
    acceptance.add(2, 4, 0);
    acceptance.add(9, 4, 4);
  }
  EXPECT_LT(acceptance.probability(2), 0.1);
  EXPECT_GT(acceptance.probability(9), 0.95);
  EXPECT_DOUBLE_EQ(acceptance.probability(5), DraftAcceptance().probability(5));
}

TEST(DraftAcceptance, WhatFailedIsTriedAgainSeldom) {
  const DraftCosts costs = learned_costs(1);
  DraftAcceptance acceptance;
  int tried = 0;
  for (int i = 0; i < 1000; ++i) {
    const DraftOffer offer = {.token_count = 8, .probability = acceptance.probability(2)};
    const int count = chosen(choose_drafts({&offer, 1}, 1, 100, costs));
    tried += count > 0 ? 1 : 0;
    if (count > 0) {
      acceptance.add(2, count, 0);
    } else {
      acceptance.skip(2);
    }
  }
  EXPECT_GT(tried, 5) << "a text may begin to repeat itself";
  EXPECT_LT(tried, 100);
}

TEST(ChooseDrafts, VerifiesMoreTheLikelierTheyAre) {
  const DraftCosts costs = learned_costs(1);
  int before = 0;
  for (const double probability : {0.01, 0.3, 0.7, 0.95}) {
    const DraftOffer offer = {.token_count = 16, .probability = probability};
    const int count = chosen(choose_drafts({&offer, 1}, 1, 100, costs));
    EXPECT_GE(count, before);
    EXPECT_EQ(count == 0, probability < 0.1);
    before = count;
  }
  EXPECT_GE(before, 6) << "nearly free";
}

TEST(ChooseDrafts, ShrinkToNothingWhenAnswersFillTheStep) {
  double before = 100;
  for (const int answers : {1, 4, 8, 16, 32, 64}) {
    const std::vector<DraftOffer> offers(static_cast<size_t>(answers),
                                         {.token_count = 4, .probability = 0.8});
    const int count = chosen(choose_drafts(offers, answers, 500, learned_costs(answers)));
    EXPECT_EQ(count > 0, answers < 9);
    const double of_each = static_cast<double>(count) / answers;
    EXPECT_LE(of_each, before);
    before = of_each;
  }
}

TEST(ChooseDrafts, AnswersInCompanyWaitNoMoreThanATenthLonger) {
  const DraftCosts costs = learned_costs(2);
  const std::vector<DraftOffer> offers(2, {.token_count = 16, .probability = 0.99});
  const int count = chosen(choose_drafts(offers, 2, 100, costs));
  EXPECT_GT(count, 0);
  EXPECT_LE(seconds_of(2 + count), 1.1 * seconds_of(2) + 0.002);
}

TEST(ChooseDrafts, TheLikeliestTokensComeFirstAndNoMoreThanThereAreOrFit) {
  const DraftCosts costs = learned_costs(3);
  const std::vector<DraftOffer> offers = {{.token_count = 2, .probability = 0.9},
                                          {.token_count = 9, .probability = 0.5},
                                          {.token_count = 0, .probability = 0.9}};
  const std::vector<int> counts = choose_drafts(offers, 3, 100, costs);
  EXPECT_EQ(counts[0], 2);
  EXPECT_LT(counts[1], 9);
  EXPECT_EQ(counts[2], 0);
  EXPECT_EQ(chosen(choose_drafts(offers, 3, 1, costs)), 1);
  EXPECT_EQ(chosen(choose_drafts(offers, 3, 0, costs)), 0);
}

TEST(SpeculationOptions, RangesHaveTheNamesOfTheConfig) {
  EXPECT_TRUE(validate(SpeculationOptions()).ok());
  EXPECT_NE(validate(SpeculationOptions{.num_speculative_tokens = 0}).message().find("num_spec"),
            std::string::npos);
  EXPECT_FALSE(validate(SpeculationOptions{.num_speculative_tokens = 33}).ok());
  EXPECT_FALSE(validate(SpeculationOptions{.prompt_lookup_min = 0}).ok());
  EXPECT_FALSE(validate(SpeculationOptions{.prompt_lookup_min = 5, .prompt_lookup_max = 4}).ok());
  EXPECT_FALSE(validate(SpeculationOptions{.prompt_lookup_max = 65}).ok());
}

}  // namespace
}  // namespace puna

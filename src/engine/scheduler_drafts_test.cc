// What becomes of drafted tokens and their blocks. "1:[60:61)!+6" is position 60 of sequence 1 with
// a draft of 6 tokens behind it.

#include <gtest/gtest.h>

#include <algorithm>

#include "engine/scheduler.h"

namespace puna {
namespace {

constexpr int kBlockTokens = 64;

// A step without drafts, after which every sequence goes on.
std::string step(Scheduler& scheduler) {
  const TokenId next_token = 8;
  const StepPlan plan = scheduler.plan();
  std::vector<RunOutcome> outcomes;
  for (const PlannedRun& run : plan.runs) {
    outcomes.push_back({.id = run.id, .computed_count = run.token_count});
    if (run.chooses) outcomes.back().added = std::span(&next_token, 1);
  }
  scheduler.commit(plan, outcomes);
  EXPECT_TRUE(validate(scheduler.snapshot()).ok());
  return describe(plan);
}

Scheduler drafted_scheduler(int block_count) {
  Scheduler scheduler({.max_num_seqs = 4,
                       .step_tokens_max = 70,
                       .block_count = block_count,
                       .block_tokens = kBlockTokens,
                       .sharing = BlockSharing::kAll});
  scheduler.add(1, std::vector<TokenId>(60, 7));
  EXPECT_EQ(step(scheduler), "1:[0:60)!");
  return scheduler;
}

TEST(SchedulerDrafts, OfADraftOnlyWhatWasRightCountsAsComputed) {
  Scheduler scheduler = drafted_scheduler(2);
  StepPlan plan = scheduler.plan();
  const std::vector<TokenId> draft = {1, 2, 3, 4, 5, 6};
  EXPECT_EQ(scheduler.add_draft(plan, 0, draft), 6);
  EXPECT_EQ(describe(plan), "1:[60:61)!+6");
  EXPECT_EQ(scheduler.block_table(1).size(), 2U);
  EXPECT_TRUE(validate(scheduler.snapshot()).ok());
  const std::vector<TokenId> added = {1, 2, 9};
  const RunOutcome outcome = {.id = 1, .computed_count = 3, .added = added};
  scheduler.commit(plan, {&outcome, 1});
  EXPECT_TRUE(validate(scheduler.snapshot()).ok());
  EXPECT_EQ(scheduler.block_table(1).size(), 1U) << "what nobody needs is free";
  EXPECT_FALSE(scheduler.blocks().is_published(scheduler.block_table(1)[0]))
      << "the block was full only of what was wrong";
  EXPECT_EQ(step(scheduler), "1:[63:64)!");
  EXPECT_TRUE(scheduler.blocks().is_published(scheduler.block_table(1)[0]));
}

TEST(SchedulerDrafts, NobodyGivesWayForADraftAndAStepHasNoMoreTokensThanItMay) {
  Scheduler scheduler = drafted_scheduler(1);
  StepPlan plan = scheduler.plan();
  const std::vector<TokenId> draft(100, 5);
  EXPECT_EQ(scheduler.add_draft(plan, 0, draft), 3) << "to the end of the only block";
  scheduler.roll_back(plan);
  EXPECT_TRUE(validate(scheduler.snapshot()).ok());
  Scheduler roomy = drafted_scheduler(9);
  plan = roomy.plan();
  EXPECT_EQ(roomy.add_draft(plan, 0, draft), 69);
  roomy.roll_back(plan);
  EXPECT_EQ(roomy.block_table(1).size(), 1U);
  EXPECT_EQ(step(roomy), "1:[60:61)!") << "as if nothing had been drafted";
}

}  // namespace
}  // namespace puna

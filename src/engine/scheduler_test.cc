// The scheduler's rules one by one. "1:[0:64)!" is sequence 1 computing positions 0 to 63, after
// which its next token is chosen.

#include "engine/scheduler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace puna {
namespace {

constexpr int kBlockTokens = 64;

Scheduler make_scheduler(int max_num_seqs, int step_tokens_max, int block_count) {
  return Scheduler({.max_num_seqs = max_num_seqs,
                    .step_tokens_max = step_tokens_max,
                    .block_count = block_count,
                    .block_tokens = kBlockTokens});
}

void add(Scheduler& scheduler, SequenceId id, int token_count) {
  scheduler.add(id, std::vector<TokenId>(static_cast<size_t>(token_count), 7));
}

// Plans a step and lets it run; those of `going_on` whose last token was in it get one more.
std::string step(Scheduler& scheduler, const std::set<SequenceId>& going_on = {},
                 int prompt_tokens = Scheduler::kUnlimited) {
  static const TokenId next_token = 8;
  const StepPlan plan = scheduler.plan(prompt_tokens);
  EXPECT_TRUE(validate(scheduler.snapshot()).ok());
  std::vector<RunOutcome> outcomes;
  for (const PlannedRun& run : plan.runs) {
    outcomes.push_back({.id = run.id, .computed_count = run.token_count});
    if (run.chooses && going_on.count(run.id) > 0)
      outcomes.back().added = std::span(&next_token, 1);
  }
  scheduler.commit(plan, outcomes);
  const Status status = validate(scheduler.snapshot());
  EXPECT_TRUE(status.ok()) << status.message();
  return describe(plan);
}

TEST(Scheduler, CutsAPromptIntoChunksOfTheStep) {
  Scheduler scheduler = make_scheduler(4, 100, 10);
  add(scheduler, 1, 250);
  EXPECT_EQ(step(scheduler), "1:[0:100)");
  EXPECT_EQ(step(scheduler), "1:[100:200)");
  EXPECT_EQ(step(scheduler), "1:[200:250)!");
}

TEST(Scheduler, DecodesBeforeItPrefills) {
  Scheduler scheduler = make_scheduler(4, 100, 10);
  add(scheduler, 1, 10);
  add(scheduler, 2, 300);
  EXPECT_EQ(step(scheduler, {1}), "1:[0:10)! 2:[0:90)");
  EXPECT_EQ(step(scheduler), "1:[10:11)! 2:[90:189)");
}

TEST(Scheduler, AShortPromptDoesNotWaitForALongOne) {
  Scheduler scheduler = make_scheduler(4, 8, 10);
  add(scheduler, 1, 20);
  add(scheduler, 2, 2);
  EXPECT_EQ(step(scheduler), "1:[0:8)");
  EXPECT_EQ(step(scheduler), "1:[8:14) 2:[0:2)!");
  EXPECT_EQ(step(scheduler), "1:[14:20)!");
}

TEST(Scheduler, HalfOfAStepIsTheOldestPromptsAndTheShortestHaveTheOther) {
  Scheduler scheduler = make_scheduler(4, 100, 40);
  add(scheduler, 1, 1000);
  EXPECT_EQ(step(scheduler), "1:[0:100)");
  add(scheduler, 2, 500);
  EXPECT_EQ(step(scheduler), "1:[100:151) 2:[0:49)");
  add(scheduler, 3, 30);
  add(scheduler, 4, 40);
  EXPECT_EQ(step(scheduler, {3}), "1:[151:201) 2:[49:50) 3:[0:30)! 4:[0:19)");
  EXPECT_EQ(step(scheduler, {3, 4}), "1:[201:250) 2:[50:79) 3:[30:31)! 4:[19:40)!");
}

TEST(Scheduler, PromptsOfEqualLengthEndOneAfterTheOther) {
  Scheduler scheduler = make_scheduler(4, 100, 40);
  for (SequenceId id = 1; id <= 4; ++id) add(scheduler, id, 100);
  EXPECT_EQ(step(scheduler), "1:[0:100)!");
  EXPECT_EQ(step(scheduler), "2:[0:100)!");
}

TEST(Scheduler, AStepHasAsManyTokensOfPromptsAsItIsGiven) {
  Scheduler scheduler = make_scheduler(4, 100, 40);
  add(scheduler, 1, 4);
  EXPECT_EQ(step(scheduler, {1}), "1:[0:4)!");
  add(scheduler, 2, 300);
  EXPECT_EQ(scheduler.answering_count(), 1);
  EXPECT_EQ(step(scheduler, {1}, 16), "1:[4:5)! 2:[0:16)");
  EXPECT_EQ(step(scheduler, {1}, 16), "1:[5:6)! 2:[16:33)");
  EXPECT_EQ(step(scheduler, {1}), "1:[6:7)! 2:[33:132)");
}

TEST(Scheduler, AnOlderPromptLeavesATokenForEverybodyWhoIsYounger) {
  Scheduler scheduler = make_scheduler(3, 3, 20);
  add(scheduler, 1, 2);
  add(scheduler, 2, 1);
  EXPECT_EQ(step(scheduler, {1, 2}), "1:[0:2)! 2:[0:1)!");
  add(scheduler, 3, 100);
  EXPECT_EQ(step(scheduler, {1, 2}), "1:[2:3)! 2:[1:2)! 3:[0:1)");
  EXPECT_EQ(step(scheduler, {1, 2}), "1:[3:4)! 2:[2:3)! 3:[1:2)");
}

TEST(Scheduler, BlocksThatPromptsInProgressStillNeedAreNotGivenToNewcomers) {
  Scheduler scheduler = make_scheduler(4, 100, 6);
  add(scheduler, 1, 4 * kBlockTokens);
  add(scheduler, 2, 2 * kBlockTokens);
  EXPECT_EQ(step(scheduler, {}, 64), "1:[0:64)") << "5 blocks are free, and 3 of them are promised";
  EXPECT_EQ(step(scheduler, {}, 63), "1:[64:128)");
}

TEST(Scheduler, AKeyWithManyRequestsDoesNotKeepAnotherWaiting) {
  Scheduler scheduler = make_scheduler(1, 100, 40);
  for (SequenceId id = 1; id <= 50; ++id) scheduler.add(id, {7, 7, 7}, {.client = 1});
  EXPECT_EQ(step(scheduler, {1}), "1:[0:3)!");
  scheduler.add(51, {7, 7, 7}, {.client = 2});
  step(scheduler, {1});
  scheduler.remove(1);
  EXPECT_EQ(step(scheduler), "51:[0:3)!") << "the other has had a token more";
}

TEST(Scheduler, TheSmallerPriorityBeginsFirstAndGivesWayLast) {
  Scheduler scheduler = make_scheduler(2, 256, 3);
  scheduler.add(1, std::vector<TokenId>(kBlockTokens - 1, 7), {.priority = 1});
  EXPECT_EQ(step(scheduler, {1}), "1:[0:63)!");
  scheduler.add(2, {7}, {.priority = 0});
  scheduler.add(3, {7}, {.priority = -1});
  EXPECT_EQ(step(scheduler, {1, 3}), "1:[63:64)! 3:[0:1)!");
  EXPECT_EQ(step(scheduler, {3}), "3:[1:2)! 1:[64:65)!");
  for (int i = 0; i < kBlockTokens - 2; ++i) step(scheduler, {3});
  EXPECT_EQ(step(scheduler), "3:[64:65)! preempt 1") << "the older, whose priority is less";
}

TEST(Scheduler, RunsAsManyAsItMay) {
  Scheduler scheduler = make_scheduler(2, 100, 10);
  for (SequenceId id = 1; id <= 3; ++id) add(scheduler, id, 5);
  EXPECT_EQ(step(scheduler, {2}), "1:[0:5)! 2:[0:5)!");
  EXPECT_EQ(scheduler.waiting_count(), 1);
  scheduler.remove(1);
  EXPECT_EQ(step(scheduler), "2:[5:6)! 3:[0:5)!");
}

TEST(Scheduler, NewcomersLeaveThoseWhoRunRoomToGrow) {
  Scheduler scheduler = make_scheduler(8, 256, 6);
  for (SequenceId id = 1; id <= 6; ++id) add(scheduler, id, 10);
  step(scheduler);
  EXPECT_EQ(scheduler.running_count(), 4);
  EXPECT_EQ(scheduler.blocks().free_count(), 2) << "one for every two sequences";
}

TEST(Scheduler, AnswersThatFitTheirBlocksNeedNoRoomToGrow) {
  Scheduler scheduler = make_scheduler(8, 256, 6);
  for (SequenceId id = 1; id <= 6; ++id) {
    scheduler.add(id, std::vector<TokenId>(10, 7), {.tokens_max = kBlockTokens});
  }
  step(scheduler);
  EXPECT_EQ(scheduler.running_count(), 6);
}

TEST(Scheduler, TheYoungestGivesWayWhenBlocksRunOut) {
  Scheduler scheduler = make_scheduler(4, 256, 3);
  add(scheduler, 1, kBlockTokens);
  add(scheduler, 2, 10);
  EXPECT_EQ(step(scheduler, {1, 2}), "1:[0:64)! 2:[0:10)!");
  EXPECT_EQ(step(scheduler, {1}), "1:[64:65)! 2:[10:11)!");
  EXPECT_EQ(scheduler.blocks().free_count(), 0);
  for (int i = 0; i < kBlockTokens - 1; ++i) step(scheduler, {1});  // 2 just does not go on
  EXPECT_EQ(step(scheduler), "1:[128:129)! preempt 2") << "position 128 needs a third block";
  EXPECT_EQ(scheduler.waiting_count(), 1);
}

TEST(Scheduler, ThePreemptedIsComputedAgainFromItsBeginning) {
  Scheduler scheduler = make_scheduler(4, 256, 2);
  add(scheduler, 1, kBlockTokens);
  add(scheduler, 2, 10);
  EXPECT_EQ(step(scheduler, {1, 2}), "1:[0:64)! 2:[0:10)!");
  EXPECT_EQ(step(scheduler), "1:[64:65)! preempt 2");
  scheduler.remove(1);
  EXPECT_EQ(step(scheduler), "2:[0:11)!");
}

TEST(Scheduler, ThePreemptedComesBackBeforeThoseWhoNeverRan) {
  Scheduler scheduler = make_scheduler(2, 256, 2);
  add(scheduler, 1, kBlockTokens);
  add(scheduler, 2, 10);
  add(scheduler, 3, 10);
  EXPECT_EQ(step(scheduler, {1, 2}), "1:[0:64)! 2:[0:10)!");
  EXPECT_EQ(step(scheduler), "1:[64:65)! preempt 2");
  scheduler.remove(1);
  EXPECT_EQ(step(scheduler), "2:[0:11)! 3:[0:10)!");
}

TEST(Scheduler, RemovingASequenceFreesItsBlocks) {
  Scheduler scheduler = make_scheduler(4, 256, 8);
  add(scheduler, 1, 200);
  step(scheduler);
  EXPECT_EQ(scheduler.blocks().used_count(), 4);
  scheduler.remove(1);
  EXPECT_EQ(scheduler.blocks().used_count(), 0);
  EXPECT_TRUE(scheduler.idle());
  scheduler.remove(1);  // once more is harmless
}

TEST(Scheduler, NothingCountsAsComputedBeforeTheStepHasRun) {
  Scheduler scheduler = make_scheduler(4, 100, 8);
  add(scheduler, 1, 150);
  step(scheduler);
  const StepPlan plan = scheduler.plan();
  EXPECT_EQ(describe(plan), "1:[100:150)!");
  EXPECT_EQ(scheduler.snapshot().sequences[0].computed_count, 100);
  EXPECT_EQ(scheduler.snapshot().sequences[0].planned_count, 50);
  EXPECT_EQ(scheduler.blocks().used_count(), 3);
  scheduler.roll_back(plan);
  EXPECT_EQ(scheduler.snapshot().sequences[0].planned_count, 0);
  EXPECT_EQ(scheduler.blocks().used_count(), 2) << "what the step had taken is free again";
  EXPECT_EQ(step(scheduler), "1:[100:150)!");
}

TEST(Scheduler, WhoIsRolledBackBeforeItsFirstStepWaitsInItsOldPlace) {
  Scheduler scheduler = make_scheduler(2, 100, 8);
  for (SequenceId id = 1; id <= 3; ++id) add(scheduler, id, 10);
  const StepPlan plan = scheduler.plan();
  EXPECT_EQ(describe(plan), "1:[0:10)! 2:[0:10)!");
  scheduler.roll_back(plan);
  EXPECT_EQ(scheduler.running_count(), 0);
  EXPECT_EQ(scheduler.waiting_count(), 3);
  EXPECT_EQ(scheduler.blocks().used_count(), 0);
  EXPECT_EQ(step(scheduler), "1:[0:10)! 2:[0:10)!");
}

TEST(Scheduler, ARunWithoutAnOutcomeIsPlannedAgain) {
  Scheduler scheduler = make_scheduler(4, 100, 8);
  add(scheduler, 1, 10);
  add(scheduler, 2, 20);
  const StepPlan plan = scheduler.plan();
  const RunOutcome ran = {.id = 2, .computed_count = 20};
  scheduler.commit(plan, {&ran, 1});
  EXPECT_EQ(step(scheduler), "1:[0:10)!");
}

TEST(Scheduler, ASequenceMayBeRemovedWhileItsStepRuns) {
  Scheduler scheduler = make_scheduler(4, 100, 8);
  add(scheduler, 1, 10);
  add(scheduler, 2, 20);
  const StepPlan plan = scheduler.plan();
  scheduler.remove(1);
  const RunOutcome outcomes[] = {{.id = 1, .computed_count = 10}, {.id = 2, .computed_count = 20}};
  scheduler.commit(plan, outcomes);
  EXPECT_TRUE(validate(scheduler.snapshot()).ok());
  EXPECT_EQ(scheduler.blocks().used_count(), 1);
}

TEST(Scheduler, SeveralTokensMayBeAddedAtOnce) {
  Scheduler scheduler = make_scheduler(4, 100, 8);
  add(scheduler, 1, 10);
  const StepPlan plan = scheduler.plan();
  const std::vector<TokenId> accepted = {4, 5, 6};
  const RunOutcome outcome = {.id = 1, .computed_count = 10, .added = accepted};
  scheduler.commit(plan, {&outcome, 1});
  EXPECT_EQ(step(scheduler), "1:[10:13)!");
  const auto tokens = scheduler.tokens(1);
  EXPECT_EQ(std::vector<TokenId>(tokens.begin() + 9, tokens.end()),
            (std::vector<TokenId>{7, 4, 5, 6}));
}

Scheduler make_sharing(BlockSharing sharing, int block_count = 20) {
  return Scheduler({.max_num_seqs = 4,
                    .step_tokens_max = 1000,
                    .block_count = block_count,
                    .block_tokens = kBlockTokens,
                    .sharing = sharing});
}

TEST(Scheduler, WhatWasComputedIsNotComputedAgain) {
  Scheduler scheduler = make_sharing(BlockSharing::kAll);
  add(scheduler, 1, 150);
  EXPECT_EQ(step(scheduler), "1:[0:150)!");
  add(scheduler, 2, 200);
  EXPECT_EQ(step(scheduler), "2:[128:200)!");
  EXPECT_EQ(scheduler.blocks().used_count(), 5) << "two blocks are shared";
  scheduler.remove(1);
  scheduler.remove(2);
  EXPECT_EQ(scheduler.blocks().used_count(), 0);
  add(scheduler, 3, 200);
  EXPECT_EQ(step(scheduler), "3:[192:200)!") << "also when nobody holds it any more";
}

TEST(Scheduler, TheLastTokenOfAPromptIsAlwaysComputed) {
  Scheduler scheduler = make_sharing(BlockSharing::kAll);
  add(scheduler, 1, 128);
  step(scheduler);
  add(scheduler, 2, 128);
  EXPECT_EQ(step(scheduler), "2:[64:128)!");
  EXPECT_EQ(scheduler.block_table(1), scheduler.block_table(2)) << "what is the same is held once";
}

TEST(Scheduler, NothingIsSharedBeforeItsStepIsCommitted) {
  Scheduler scheduler = make_sharing(BlockSharing::kAll);
  add(scheduler, 1, 100);
  add(scheduler, 2, 100);
  const StepPlan plan = scheduler.plan();
  EXPECT_EQ(describe(plan), "1:[0:100)! 2:[0:100)!");
  scheduler.roll_back(plan);
  EXPECT_EQ(scheduler.blocks().idle_count(), 0);
  EXPECT_EQ(step(scheduler), "1:[0:100)! 2:[0:100)!");
}

TEST(Scheduler, WhoeverNeedsAllRowsOrHasAnotherSaltComputesAll) {
  Scheduler scheduler = make_sharing(BlockSharing::kAll);
  const std::vector<TokenId> prompt(100, 7);
  scheduler.add(1, prompt);
  step(scheduler);
  scheduler.add(2, prompt, {.reads_cache = false});
  EXPECT_EQ(step(scheduler), "2:[0:100)!");
  const auto salt = std::make_shared<const std::string>("salt");
  scheduler.add(3, prompt, {.cache_salt = salt});
  EXPECT_EQ(step(scheduler), "3:[0:100)!");
  scheduler.add(4, prompt, {.cache_salt = salt});
  EXPECT_EQ(step(scheduler), "4:[64:100)!");
}

TEST(Scheduler, AnswersAreSharedWhereDecodingGivesTheSameBits) {
  for (const BlockSharing sharing :
       {BlockSharing::kAll, BlockSharing::kPrefill, BlockSharing::kNone}) {
    Scheduler scheduler = make_sharing(sharing);
    add(scheduler, 1, 70);
    for (int i = 0; i < 70; ++i) step(scheduler, {1});
    std::vector<TokenId> next(scheduler.tokens(1).begin(), scheduler.tokens(1).end());
    ASSERT_EQ(next.size(), 140U);
    scheduler.add(2, next);
    const int cached = sharing == BlockSharing::kAll       ? 128
                       : sharing == BlockSharing::kPrefill ? 64
                                                           : 0;
    const StepPlan plan = scheduler.plan();
    EXPECT_EQ(plan.runs.back().first_position, cached);
    scheduler.roll_back(plan);
  }
}

TEST(Scheduler, WhatIsKeptForLaterMakesRoomForWhoeverComes) {
  Scheduler scheduler = make_sharing(BlockSharing::kAll, 4);
  add(scheduler, 1, 4 * kBlockTokens);
  step(scheduler);
  scheduler.remove(1);
  EXPECT_EQ(scheduler.blocks().idle_count(), 4);
  scheduler.add(2, std::vector<TokenId>(4 * kBlockTokens, 3));
  EXPECT_EQ(step(scheduler), "2:[0:256)!");
}

TEST(Scheduler, SharedBlocksLeaveRoomForMoreSequences) {
  Scheduler scheduler = make_sharing(BlockSharing::kAll, 9);
  add(scheduler, 1, 7 * kBlockTokens - 1);
  step(scheduler);
  scheduler.add(2, std::vector<TokenId>(6 * kBlockTokens + 10, 7),
                {.tokens_max = 7 * kBlockTokens});
  EXPECT_EQ(step(scheduler), "2:[384:394)!") << "7 blocks, of which 6 are there";
}

TEST(Scheduler, ThePreemptedGoesOnFromWhatIsStillThere) {
  Scheduler scheduler = make_sharing(BlockSharing::kAll, 4);
  add(scheduler, 1, kBlockTokens);
  scheduler.add(2, std::vector<TokenId>(kBlockTokens + 10, 3));
  EXPECT_EQ(step(scheduler, {1, 2}), "1:[0:64)! 2:[0:74)!");
  for (int i = 0; i < kBlockTokens; ++i) step(scheduler, {1, 2});
  EXPECT_EQ(scheduler.waiting_count(), 1) << "the third block of both does not fit";
  scheduler.remove(1);
  EXPECT_EQ(step(scheduler), "2:[128:129)!");
}

}  // namespace
}  // namespace puna

// How a step becomes executions: which tokens share one, in what program, and where padding goes.

#include "backend/pjrt/executions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <vector>

namespace puna::pjrt {
namespace {

using stablehlo::ArgumentRole;
using stablehlo::ElementType;
using testing::ElementsAre;
using testing::IsEmpty;

const ProgramList kPrograms =
    all_programs({.sequences = {1, 4}, .prefill_tokens = {8, 32}, .table_blocks = {1, 4}});

// A run of one token was generated, a longer one is of a prompt, unless `prompt_count` says else.
struct RunSpec {
  int first_position = 0;
  int token_count = 1;
  std::vector<int> table;
  bool wants_all = false;  // to score them
  std::optional<int> prompt_count = {};
};

// Tokens are 100, 101, …
StepBatch batch_of(const std::vector<RunSpec>& runs) {
  StepBatch batch;
  for (const RunSpec& run : runs) {
    const int first = static_cast<int>(batch.tokens.size());
    const int prompt_count = run.token_count == 1 ? 0 : 1000;
    batch.runs.push_back({first, run.token_count, run.first_position, run.table,
                          run.prompt_count.value_or(prompt_count)});
    for (int i = 0; i < run.token_count; ++i) {
      const RowUse use = run.wants_all ? RowUse::kScorePrompt : RowUse::kChoose;
      if (run.wants_all || i + 1 == run.token_count) batch.wanted_rows.push_back({first + i, use});
      batch.tokens.push_back(100 + first + i);
    }
  }
  return batch;
}

std::vector<std::string> plan(const StepBatch& batch, const PoolLayout& layout = {64, 20},
                              const ProgramList& programs = kPrograms) {
  std::vector<std::string> described;
  for (const Execution& execution : plan_executions(batch, programs, layout)) {
    std::string text = describe(execution.sizes) + ":";
    for (const ExecutionRow& row : execution.rows) {
      text += " " + std::to_string(row.place) + "=[" + std::to_string(row.first_token) + "," +
              std::to_string(row.first_token + row.token_count) + ")" + (row.writes ? "" : "*");
    }
    for (const ExecutionLogits& row : execution.logits) {
      text += " " + std::to_string(row.row) + ">" + std::to_string(row.wanted);
    }
    described.push_back(text);
  }
  return described;
}

TEST(Executions, DecodesTogetherAndPrefillsOneByOne) {
  const StepBatch batch = batch_of({{70, 1, {0, 1}}, {0, 40, {2}}, {3, 1, {3}}});
  EXPECT_THAT(plan(batch),
              ElementsAre("prefill of 32 up to 64 positions: 0=[1,33)",
                          "prefill of 8 up to 64 positions: 0=[33,41) 0>1",
                          "decode of 4 up to 256 positions: 0=[0,1) 1=[41,42) 0>0 1>2"));
}

TEST(Executions, OneTokenAloneHasTheSmallestProgram) {
  EXPECT_THAT(plan(batch_of({{63, 1, {0}}})),
              ElementsAre("decode of 1 up to 64 positions: 0=[0,1) 0>0"));
  EXPECT_THAT(plan(batch_of({{64, 1, {0, 1}}})),
              ElementsAre("decode of 1 up to 256 positions: 0=[0,1) 0>0"));
}

TEST(Executions, MoreRowsThanTheLargestProgramAreSeveralExecutions) {
  const std::vector<RunSpec> runs(5, {10, 1, {0}});
  EXPECT_THAT(plan(batch_of(runs)),
              ElementsAre("decode of 4 up to 64 positions: 0=[0,1) 1=[1,2) 2=[2,3) 3=[3,4) 0>0 1>1 "
                          "2>2 3>3",
                          "decode of 1 up to 64 positions: 0=[4,5) 0>4"));
}

TEST(Executions, RowsToScoreAreDecodedOnWhatThePrefillWrote) {
  EXPECT_THAT(
      plan(batch_of({{0, 3, {0}, true}})),
      ElementsAre("prefill of 8 up to 64 positions: 0=[0,3)",
                  "decode of 4 up to 64 positions: 0=[0,1)* 1=[1,2)* 2=[2,3)* 0>0 1>1 2>2"));
}

TEST(Executions, WhatWasGeneratedIsDecodedAgainAndAPromptOfOneTokenPrefilled) {
  EXPECT_THAT(plan(batch_of({{0, 5, {0}, false, 3}})),
              ElementsAre("prefill of 8 up to 64 positions: 0=[0,3)",
                          "decode of 4 up to 64 positions: 0=[3,4) 1=[4,5) 1>0"));
  EXPECT_THAT(plan(batch_of({{7, 1, {0}, false, 8}})),
              ElementsAre("prefill of 8 up to 64 positions: 0=[0,1) 0>0"));
}

TEST(Executions, ProgramsThatWereLeftOutAreReplacedByLargerOnes) {
  const ProgramList programs = {{4, 1, 1}, {4, 1, 4}, {1, 8, 4}, {1, 32, 4}};
  EXPECT_THAT(plan(batch_of({{10, 1, {0}}, {0, 5, {1}}}), {64, 20}, programs),
              ElementsAre("prefill of 8 up to 256 positions: 0=[1,6) 0>1",
                          "decode of 4 up to 64 positions: 0=[0,1) 0>0"));
  const PoolLayout slots = {.block_tokens = 256, .pool_blocks = 20, .has_slots = true};
  EXPECT_THAT(plan(batch_of({{10, 1, {2}}}), slots, programs),
              ElementsAre("decode of 4 up to 64 positions: 2=[0,1) 2>0"));
}

TEST(Executions, WithoutProgramsForPrefillsPromptsAreDecoded) {
  EXPECT_THAT(plan(batch_of({{0, 2, {0}}}), {64, 20}, {{4, 1, 1}}),
              ElementsAre("decode of 4 up to 64 positions: 0=[0,1) 1=[1,2) 1>0"));
}

TEST(Executions, ARowThatNobodyWantsHasNoLogits) {
  StepBatch batch = batch_of({{0, 8, {0}}});
  batch.wanted_rows.clear();
  EXPECT_THAT(plan(batch), ElementsAre("prefill of 8 up to 64 positions: 0=[0,8)"));
}

const PoolLayout kSlots = {.block_tokens = 256, .pool_blocks = 20, .has_slots = true};

TEST(Executions, WithSlotsASequenceIsTheRowOfItsSlot) {
  EXPECT_THAT(plan(batch_of({{10, 1, {2}}, {20, 1, {0}}}), kSlots),
              ElementsAre("decode of 4 up to 64 positions: 2=[0,1) 0=[1,2) 2>0 0>1"));
  EXPECT_THAT(plan(batch_of({{10, 1, {2}}}), kSlots),
              ElementsAre("decode of 1 up to 64 positions: 0=[0,1) 0>0"));
  EXPECT_THAT(plan(batch_of({{0, 2, {1}, true}}), kSlots),
              ElementsAre("prefill of 8 up to 64 positions: 0=[0,2)",
                          "decode of 1 up to 64 positions: 0=[0,1)* 0>0",
                          "decode of 1 up to 64 positions: 0=[1,2)* 0>1"));
}

std::vector<int32_t> values(ArgumentRole role, stablehlo::Shape shape, const StepBatch& batch,
                            const PoolLayout& layout) {
  const auto executions = plan_executions(batch, kPrograms, layout);
  return argument_values({role, 0, {ElementType::kI32, std::move(shape)}}, executions.back(), batch,
                         layout);
}

TEST(ExecutionArguments, PaddingWritesToTheSpareBlocksAndReadsTheFirst) {
  const PoolLayout layout = {64, 20};
  const StepBatch batch = batch_of({{70, 1, {5, 7}}, {3, 1, {6}}});
  EXPECT_THAT(values(ArgumentRole::kTokens, {4}, batch, layout), ElementsAre(100, 101, 0, 0));
  EXPECT_THAT(values(ArgumentRole::kPositions, {4}, batch, layout), ElementsAre(70, 3, 0, 0));
  EXPECT_THAT(values(ArgumentRole::kSlots, {4, 2}, batch, layout),
              ElementsAre(7, 6, 6, 3, 19, 2, 19, 3));
  EXPECT_THAT(values(ArgumentRole::kTables, {4, 4}, batch, layout),
              ElementsAre(5, 7, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0));
}

TEST(ExecutionArguments, ARowToScoreReadsItsOwnPositionAndWritesBesideIt) {
  const StepBatch batch = batch_of({{3, 2, {6}, true}});
  EXPECT_THAT(values(ArgumentRole::kPositions, {4}, batch, {64, 20}), ElementsAre(3, 4, 0, 0));
  EXPECT_THAT(values(ArgumentRole::kSlots, {4, 2}, batch, {64, 20}),
              ElementsAre(19, 0, 19, 1, 19, 2, 19, 3));
}

TEST(ExecutionArguments, ASlotIsSeveralBlocksOfThePool) {
  const StepBatch batch = batch_of({{130, 1, {3}}});
  EXPECT_THAT(values(ArgumentRole::kSlots, {1, 2}, batch, kSlots), ElementsAre(14, 2));
  EXPECT_THAT(values(ArgumentRole::kFirstBlock, {}, batch, kSlots), ElementsAre(12));
}

TEST(ExecutionArguments, APrefillWantsItsLastToken) {
  const StepBatch batch = batch_of({{0, 5, {1}}});
  EXPECT_THAT(values(ArgumentRole::kRows, {1}, batch, {64, 20}), ElementsAre(4));
  EXPECT_THAT(values(ArgumentRole::kPositions, {8}, batch, {64, 20}),
              ElementsAre(0, 1, 2, 3, 4, 0, 0, 0));
}

TEST(Executions, AllProgramsAreEveryPairOfASizeAndAContext) {
  EXPECT_EQ(kPrograms.size(), 8U);
  EXPECT_THAT(all_programs({}), IsEmpty());
}

}  // namespace
}  // namespace puna::pjrt

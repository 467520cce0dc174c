// What a backend refuses before it computes, and how a step reads in a log.

#include "backend/step_batch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backend/backend.h"

namespace puna {
namespace {

using ::testing::HasSubstr;

const BackendLimits kLimits = {.block_count = 6,
                               .step_tokens_max = 100,
                               .step_runs_max = 2,
                               .vocab_size = 512,
                               .max_model_len = 200};
const BackendTraits kTraits = {.block_tokens = 64};

// A chunk of two prompt tokens at position 63, over two blocks, and one decoded token.
StepBatch sound_batch() {
  StepBatch batch;
  batch.tokens = {65, 66, 67};
  batch.runs = {
      {.first_token = 0, .token_count = 2, .first_position = 63, .block_table = {3, 0}},
      {.first_token = 2, .token_count = 1, .first_position = 130, .block_table = {1, 2, 4}}};
  batch.wanted_rows = {{.token = 1}, {.token = 2}};
  return batch;
}

template <typename Change>
std::string refusal(const Change& change) {
  StepBatch batch = sound_batch();
  change(batch);
  const Status status = validate(batch, kLimits, kTraits);
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  return status.message();
}

TEST(StepBatch, ReadsAsWords) {
  EXPECT_EQ(describe(sound_batch()), "prefill [63:65) decode 130");
  EXPECT_EQ(describe(StepBatch()), "");
}

TEST(StepBatch, ASoundOneIsTaken) {
  EXPECT_TRUE(validate(sound_batch(), kLimits, kTraits).ok());
  StepBatch batch = sound_batch();
  batch.runs[1].first_position = 199;  // the last position
  batch.runs[1].block_table = {1, 2, 4, 5};
  EXPECT_TRUE(validate(batch, kLimits, kTraits).ok());
}

TEST(StepBatch, IsRefusedWhenItIsEmptyOrTooLarge) {
  EXPECT_THAT(refusal([](StepBatch& b) { b = StepBatch(); }), HasSubstr("0 tokens"));
  EXPECT_THAT(refusal([](StepBatch& b) { b.tokens.resize(101); }), HasSubstr("101 tokens"));
  EXPECT_THAT(refusal([](StepBatch& b) { b.runs.resize(3); }), HasSubstr("3 runs, at most 2"));
}

TEST(StepBatch, IsRefusedWhenABlockTableIsWrong) {
  EXPECT_THAT(refusal([](StepBatch& b) { b.runs[0].block_table.pop_back(); }),
              HasSubstr("block table of 1 blocks for 65 positions"));
  EXPECT_THAT(refusal([](StepBatch& b) { b.runs[0].block_table[1] = 6; }), HasSubstr("block 6"));
  EXPECT_THAT(refusal([](StepBatch& b) { b.runs[0].block_table[0] = -1; }), HasSubstr("block -1"));
}

TEST(StepBatch, RunsMayReadTheSameBlocksButNotTheOnesThatAreWritten) {
  StepBatch batch = sound_batch();
  batch.runs[0] = {.token_count = 2, .first_position = 128, .block_table = {1, 2, 0}};
  EXPECT_TRUE(validate(batch, kLimits, kTraits).ok());
  EXPECT_THAT(refusal([](StepBatch& b) { b.runs[1].block_table[2] = 0; }),
              HasSubstr("run 1: block 0 is written in this step and is in two places"));
  EXPECT_THAT(refusal([](StepBatch& b) { b.runs[1].block_table[0] = 3; }),
              HasSubstr("run 1: block 3 is written"));
  EXPECT_THAT(refusal([](StepBatch& b) { b.runs[1].block_table[0] = 4; }),
              HasSubstr("run 1: block 4 is written"))
      << "twice in its own table";
}

TEST(StepBatch, IsRefusedWhenPositionsLeaveTheModel) {
  EXPECT_THAT(refusal([](StepBatch& b) { b.runs[1].first_position = 200; }),
              HasSubstr("at most 200"));
  EXPECT_THAT(refusal([](StepBatch& b) { b.runs[1].first_position = 0x7FFFFFFF; }),
              HasSubstr("at most 200"));
  EXPECT_THAT(refusal([](StepBatch& b) { b.runs[1].first_position = -1; }),
              HasSubstr("from position -1"));
}

TEST(StepBatch, IsRefusedWhenItsRunsDoNotCoverItsTokens) {
  EXPECT_THAT(refusal([](StepBatch& b) { b.tokens.push_back(1); }), HasSubstr("cover 3 of 4"));
  EXPECT_THAT(refusal([](StepBatch& b) { b.runs[1].first_token = 1; }),
              HasSubstr("begins at token 1, not at 2"));
  EXPECT_THAT(refusal([](StepBatch& b) { b.runs[0].token_count = 0; }), HasSubstr("0 tokens"));
}

TEST(StepBatch, IsRefusedWhenATokenIsNotInTheVocabulary) {
  EXPECT_THAT(refusal([](StepBatch& b) { b.tokens[1] = 512; }), HasSubstr("token 512"));
  EXPECT_THAT(refusal([](StepBatch& b) { b.tokens[1] = -1; }), HasSubstr("token -1"));
}

TEST(StepBatch, IsRefusedWhenLogitsAreOutOfOrderOrOfNoToken) {
  EXPECT_THAT(refusal([](StepBatch& b) { b.wanted_rows = {{2}, {1}}; }),
              HasSubstr("token 1 after 2"));
  EXPECT_THAT(refusal([](StepBatch& b) { b.wanted_rows = {{1}, {1}}; }),
              HasSubstr("token 1 after 1"));
  EXPECT_THAT(refusal([](StepBatch& b) { b.wanted_rows = {{3}}; }), HasSubstr("logits of token 3"));
}

}  // namespace
}  // namespace puna

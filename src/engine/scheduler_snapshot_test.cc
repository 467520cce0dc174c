// Each rule of a scheduler's state is missed when it is broken.

#include "engine/scheduler_snapshot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace puna {
namespace {

using ::testing::HasSubstr;

// Sequence 1 has computed 64 of 70 tokens and plans the rest; 2 waits. Block 2 continued block 3
// for somebody who has gone.
SchedulerSnapshot sound() {
  return {.limits = {.max_num_seqs = 1, .step_tokens_max = 100, .block_count = 4},
          .free_count = 2,
          .blocks = {{},
                     {.holder_count = 1},
                     {.is_published = true, .before = 3},
                     {.holder_count = 1, .is_published = true}},
          .sequences = {{.id = 1,
                         .is_running = true,
                         .token_count = 70,
                         .computed_count = 64,
                         .planned_count = 6,
                         .block_table = {3, 1}},
                        {.id = 2, .token_count = 5, .block_table = {}}}};
}

template <typename Change>
std::string fault(const Change& change) {
  SchedulerSnapshot snapshot = sound();
  change(snapshot);
  return validate(snapshot).message();
}

TEST(SchedulerSnapshot, ASoundOneIsTaken) { EXPECT_TRUE(validate(sound()).ok()); }

TEST(SchedulerSnapshot, ABlockHasAsManyHoldersAsTables) {
  EXPECT_THAT(fault([](auto& s) { s.blocks[3].holder_count = 2; }),
              HasSubstr("block 3 has 2 holders and is in 1 tables"));
  EXPECT_THAT(fault([](auto& s) { s.blocks[2].holder_count = 1; }),
              HasSubstr("block 2 has 1 holders and is in 0 tables"));
  EXPECT_THAT(fault([](auto& s) { s.sequences[0].block_table[0] = 4; }),
              HasSubstr("4 does not exist"));
  EXPECT_THAT(fault([](auto& s) { s.blocks.pop_back(); }), HasSubstr("3 blocks of 4"));
  EXPECT_THAT(fault([](auto& s) { s.free_count = 1; }),
              HasSubstr("1 blocks can be taken, and 2 have no holder"));
}

TEST(SchedulerSnapshot, OnlyWhatIsPublishedIsShared) {
  EXPECT_THAT(fault([](auto& s) {
                s.sequences[0].block_table = {3, 3};
                s.blocks[3].holder_count = 2;
              }),
              HasSubstr("block 3 is still written and has 2 holders"));
  EXPECT_THAT(
      fault([](auto& s) { s.blocks[1] = {.holder_count = 1, .is_published = true, .before = 3}; }),
      HasSubstr("block 1 is still written"));
  EXPECT_THAT(fault([](auto& s) {
                s.limits.max_num_seqs = 2;
                s.sequences[1].is_running = true;
                s.sequences[1].token_count = 65;
                s.sequences[1].computed_count = 64;
                s.sequences[1].block_table = {3};
                s.blocks[2] = {};
                s.blocks[3] = {.holder_count = 2};
              }),
              HasSubstr("block 3 has two owners"));
}

TEST(SchedulerSnapshot, WhatIsPublishedHasAllBeforeIt) {
  EXPECT_THAT(fault([](auto& s) { s.blocks[3].before = 0; }),
              HasSubstr("block 3 comes after -1 in sequence 1 and was published after 0"));
  EXPECT_THAT(fault([](auto& s) { s.blocks[2].before = 0; }),
              HasSubstr("block 2 is kept without block 0 before it"));
}

TEST(SchedulerSnapshot, NothingIsComputedThatIsNotThere) {
  EXPECT_THAT(fault([](auto& s) { s.sequences[0].token_count = 69; }), HasSubstr("69 tokens"));
  EXPECT_THAT(fault([](auto& s) { s.sequences[1].token_count = 0; }), HasSubstr("no token"));
  EXPECT_THAT(fault([](auto& s) { s.sequences[0].computed_count = -1; }), HasSubstr("computed -1"));
}

TEST(SchedulerSnapshot, ATableHasRoomForWhatIsComputedAndForNoMoreThanTheTokens) {
  EXPECT_THAT(fault([](auto& s) { s.sequences[0].block_table = {3}; }),
              HasSubstr("blocks for 64 of 70"));
  EXPECT_THAT(fault([](auto& s) { s.sequences[0].block_table = {3, 1, 0}; }),
              HasSubstr("blocks for 192 positions and 70 tokens"));
}

TEST(SchedulerSnapshot, ADraftIsPlannedBehindAllTokensAndHasRoom) {
  EXPECT_EQ(fault([](auto& s) { s.sequences[0].draft_count = 58; }), "");
  EXPECT_THAT(fault([](auto& s) { s.sequences[0].draft_count = 59; }),
              HasSubstr("blocks for 128 of 129"));
  EXPECT_THAT(fault([](auto& s) {
                s.sequences[0].planned_count = 5;
                s.sequences[0].draft_count = 1;
              }),
              HasSubstr("a draft of 1 behind 69 of 70 tokens"));
}

TEST(SchedulerSnapshot, WhoWaitsHoldsNothing) {
  EXPECT_THAT(fault([](auto& s) { s.sequences[1].computed_count = 1; }), HasSubstr("2 waits"));
  EXPECT_THAT(fault([](auto& s) { s.sequences[0].is_running = false; }), HasSubstr("1 waits"));
}

TEST(SchedulerSnapshot, NoMoreRunThanMay) {
  EXPECT_THAT(fault([](auto& s) {
                s.sequences[1].is_running = true;
                s.sequences[1].block_table = {2};
              }),
              HasSubstr("2 sequences run, at most 1"));
}

}  // namespace
}  // namespace puna

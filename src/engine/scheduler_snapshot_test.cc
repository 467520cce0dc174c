// Each rule of a scheduler's state is missed when it is broken.

#include "engine/scheduler_snapshot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace puna {
namespace {

using ::testing::HasSubstr;

// Sequence 1 has computed 64 of 70 tokens and plans the rest; 2 waits.
SchedulerSnapshot sound() {
  return {.limits = {.max_num_seqs = 1, .step_tokens_max = 100, .block_count = 4},
          .free_blocks = {2, 0},
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

TEST(SchedulerSnapshot, EveryBlockHasOneOwner) {
  EXPECT_THAT(fault([](auto& s) { s.free_blocks.push_back(3); }), HasSubstr("3 has two owners"));
  EXPECT_THAT(fault([](auto& s) { s.sequences[0].block_table = {3, 3}; }),
              HasSubstr("3 has two owners"));
  EXPECT_THAT(fault([](auto& s) { s.free_blocks.pop_back(); }), HasSubstr("0 is lost"));
  EXPECT_THAT(fault([](auto& s) { s.free_blocks[0] = 4; }), HasSubstr("4 does not exist"));
}

TEST(SchedulerSnapshot, NothingIsComputedThatIsNotThere) {
  EXPECT_THAT(fault([](auto& s) { s.sequences[0].token_count = 69; }), HasSubstr("69 tokens"));
  EXPECT_THAT(fault([](auto& s) { s.sequences[1].token_count = 0; }), HasSubstr("no token"));
  EXPECT_THAT(fault([](auto& s) { s.sequences[0].computed_count = -1; }), HasSubstr("computed -1"));
}

TEST(SchedulerSnapshot, ATableHasRoomForWhatIsComputedAndForNoMoreThanTheTokens) {
  EXPECT_THAT(fault([](auto& s) {
                s.sequences[0].block_table = {3};
                s.free_blocks.push_back(1);
              }),
              HasSubstr("blocks for 64 of 70"));
  EXPECT_THAT(fault([](auto& s) {
                s.sequences[0].block_table = {3, 1, 0};
                s.free_blocks = {2};
              }),
              HasSubstr("blocks for 192 positions and 70 tokens"));
}

TEST(SchedulerSnapshot, WhoWaitsHoldsNothing) {
  EXPECT_THAT(fault([](auto& s) { s.sequences[1].computed_count = 1; }), HasSubstr("2 waits"));
  EXPECT_THAT(fault([](auto& s) { s.sequences[0].is_running = false; }), HasSubstr("1 waits"));
}

TEST(SchedulerSnapshot, NoMoreRunThanMay) {
  EXPECT_THAT(fault([](auto& s) {
                s.sequences[1].is_running = true;
                s.sequences[1].block_table = {2};
                s.free_blocks = {0};
              }),
              HasSubstr("2 sequences run, at most 1"));
}

}  // namespace
}  // namespace puna

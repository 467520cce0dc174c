// Who begins next.

#include "engine/waiting_line.h"

#include <gtest/gtest.h>

namespace puna {
namespace {

SequenceId take(WaitingLine& line, ClientIndex client = 0, int64_t tokens = 0) {
  const SequenceId id = line.next();
  line.remove_next();
  line.charge(client, tokens);
  return id;
}

TEST(WaitingLine, OneClientsSequencesBeginInTheOrderOfTheirComing) {
  WaitingLine line;
  for (const SequenceId id : std::vector<SequenceId>{1, 2, 3}) line.add(id, 0, 0);
  EXPECT_EQ(line.size(), 3);
  EXPECT_EQ(take(line), 1U);
  EXPECT_EQ(take(line), 2U);
  EXPECT_EQ(take(line), 3U);
  EXPECT_TRUE(line.empty());
}

TEST(WaitingLine, AClientWithManyDoesNotKeepAnotherWaiting) {
  WaitingLine line;
  for (SequenceId id = 1; id <= 100; ++id) line.add(id, 1, 0);
  EXPECT_EQ(take(line, 1, 500), 1U);
  line.add(101, 2, 0);
  line.add(102, 2, 0);
  EXPECT_EQ(take(line, 1, 10), 2U) << "a newcomer has no credit: the first to come is first";
  EXPECT_EQ(take(line, 2, 100), 101U);
  EXPECT_EQ(take(line, 1, 300), 3U);
  EXPECT_EQ(take(line, 2, 100), 102U);
}

TEST(WaitingLine, TokensAreSharedAndNotTurns) {
  WaitingLine line;
  for (SequenceId id = 1; id <= 20; ++id) line.add(id, 1, 0);
  for (SequenceId id = 21; id <= 40; ++id) line.add(id, 2, 0);
  int64_t had[3] = {};
  for (int i = 0; i < 20; ++i) {
    const ClientIndex client = line.next() <= 20 ? 1 : 2;
    const int64_t tokens = client == 1 ? 100 : 300;
    take(line, client, tokens);
    had[client] += tokens;
  }
  EXPECT_NEAR(static_cast<double>(had[1]), static_cast<double>(had[2]), 300);
}

TEST(WaitingLine, NobodySavesUpWhileAway) {
  WaitingLine line;
  line.add(1, 1, 0);
  line.add(2, 2, 0);
  take(line, 1, 1000);
  line.leave(2, 2, 0);
  for (const SequenceId id : std::vector<SequenceId>{3, 4}) line.add(id, 2, 0);
  for (const SequenceId id : std::vector<SequenceId>{5, 6}) line.add(id, 1, 0);
  EXPECT_EQ(take(line, 2, 10), 3U);
  EXPECT_EQ(take(line, 1, 10), 5U) << "both began at the same";
}

TEST(WaitingLine, ASmallerPriorityGoesFirst) {
  WaitingLine line;
  line.add(1, 0, 0);
  line.add(2, 0, 5);
  line.add(3, 0, -1);
  EXPECT_EQ(take(line), 3U);
  EXPECT_EQ(take(line), 1U);
  EXPECT_EQ(take(line), 2U);
}

TEST(WaitingLine, WhoGaveWayGoesOnBeforeAll) {
  WaitingLine line;
  line.add(1, 0, 7);
  take(line);
  line.add(2, 0, -3);
  line.put_back(1);
  EXPECT_EQ(line.all(), (std::vector<SequenceId>{1, 2}));
  EXPECT_EQ(take(line), 1U);
}

TEST(WaitingLine, WhoLeavesDoesNotBegin) {
  WaitingLine line;
  for (const SequenceId id : std::vector<SequenceId>{1, 2, 3}) line.add(id, 0, 0);
  line.leave(1, 0, 0);
  line.put_back(4);
  line.leave(4, 0, 0);
  EXPECT_EQ(line.size(), 2);
  EXPECT_EQ(take(line), 2U);
  EXPECT_EQ(take(line), 3U);
}

}  // namespace
}  // namespace puna

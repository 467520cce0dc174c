// Blocks one by one: who holds them, who finds them, and which goes first.

#include "engine/kv_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

namespace puna {
namespace {

constexpr int kBlockTokens = 4;
constexpr int kNone = KvPool::kNoBlock;

std::vector<TokenId> text(int number) {
  std::vector<TokenId> tokens(kBlockTokens);
  std::iota(tokens.begin(), tokens.end(), 10 * number);
  return tokens;
}

// A table of published blocks with these texts, one after the other.
std::vector<int> publish(KvPool& pool, const std::vector<int>& numbers,
                         const CacheSalt& salt = {}) {
  std::vector<int> table;
  for (const int number : numbers) {
    const int before = table.empty() ? kNone : table.back();
    table.push_back(pool.publish(pool.take(), before, text(number), salt));
  }
  return table;
}

int find(const KvPool& pool, const std::vector<int>& numbers, const CacheSalt& salt = {}) {
  int before = kNone;
  for (const int number : numbers) {
    before = pool.find(before, text(number), salt);
    if (before == kNone) break;
  }
  return before;
}

TEST(KvPool, GivesEveryBlockToOneHolder) {
  KvPool pool(3, kBlockTokens);
  std::vector<int> table = {pool.take(), pool.take(), pool.take()};
  EXPECT_EQ(pool.free_count(), 0);
  std::sort(table.begin(), table.end());
  EXPECT_EQ(table, (std::vector<int>{0, 1, 2}));
  pool.release(table, 1);
  EXPECT_EQ(table, std::vector<int>{0});
  EXPECT_EQ(pool.free_count(), 2);
  EXPECT_EQ(pool.used_count(), 1);
}

TEST(KvPool, FindsWhatWasPublishedByItsTokensAndAllBeforeThem) {
  KvPool pool(8, kBlockTokens);
  const auto table = publish(pool, {1, 2});
  EXPECT_EQ(find(pool, {1}), table[0]);
  EXPECT_EQ(find(pool, {1, 2}), table[1]);
  EXPECT_EQ(find(pool, {2}), kNone);
  EXPECT_EQ(find(pool, {1, 1}), kNone);
  EXPECT_EQ(find(pool, {1, 2, 3}), kNone);
}

TEST(KvPool, ASaltKeepsTextsApart) {
  KvPool pool(8, kBlockTokens);
  const auto mine = std::make_shared<const std::string>("mine");
  const auto equal = std::make_shared<const std::string>("mine");
  const auto other = std::make_shared<const std::string>("other");
  const auto salted = publish(pool, {1, 2}, mine);
  EXPECT_EQ(find(pool, {1}), kNone);
  EXPECT_EQ(find(pool, {1}, other), kNone);
  EXPECT_EQ(find(pool, {1, 2}, equal), salted[1]);
  const auto plain = publish(pool, {1});
  EXPECT_NE(plain[0], salted[0]);
  EXPECT_EQ(find(pool, {1}), plain[0]);
}

TEST(KvPool, WhatNobodyHoldsIsKeptUntilItsRoomIsNeeded) {
  KvPool pool(3, kBlockTokens);
  auto table = publish(pool, {1, 2});
  pool.release(table);
  EXPECT_EQ(pool.free_count(), 3);
  EXPECT_EQ(pool.used_count(), 0);
  EXPECT_EQ(pool.idle_count(), 2);
  pool.take();
  EXPECT_NE(find(pool, {1, 2}), kNone) << "a block with nothing in it is taken first";
  pool.take();
  EXPECT_NE(find(pool, {1}), kNone);
  EXPECT_EQ(find(pool, {1, 2}), kNone) << "the end of a text goes before its beginning";
  pool.take();
  EXPECT_EQ(find(pool, {1}), kNone);
  EXPECT_EQ(pool.free_count(), 0);
}

TEST(KvPool, TheOneThatWasLetGoLongestAgoMakesRoom) {
  KvPool pool(4, kBlockTokens);
  auto one = publish(pool, {1}), two = publish(pool, {2}), three = publish(pool, {3}),
       four = publish(pool, {4});
  for (auto* table : {&one, &two, &three, &four}) pool.release(*table);
  const int held = find(pool, {1});
  pool.hold(held);  // used once more
  std::vector<int> again = {held};
  pool.release(again);
  pool.take();
  EXPECT_EQ(find(pool, {2}), kNone);
  EXPECT_NE(find(pool, {1}), kNone);
  pool.take();
  EXPECT_EQ(find(pool, {3}), kNone);
  pool.hold(find(pool, {4}));
  pool.take();
  EXPECT_EQ(find(pool, {1}), kNone);
  EXPECT_NE(find(pool, {4}), kNone) << "whatever is held stays";
  EXPECT_EQ(pool.free_count(), 0);
}

TEST(KvPool, ABlockGoesWhenItsLastHolderHasLetItGo) {
  KvPool pool(2, kBlockTokens);
  auto first = publish(pool, {1});
  std::vector<int> second = {find(pool, {1})};
  pool.hold(second[0]);
  EXPECT_EQ(pool.holder_count(second[0]), 2);
  pool.release(first);
  EXPECT_EQ(pool.free_count(), 1);
  pool.release(second);
  EXPECT_EQ(pool.free_count(), 2);
}

TEST(KvPool, TwoWhoComputedTheSameHoldOneBlockOfIt) {
  KvPool pool(4, kBlockTokens);
  const auto first = publish(pool, {1, 2});
  const auto second = publish(pool, {1, 2});
  EXPECT_EQ(first, second);
  EXPECT_EQ(pool.holder_count(first[1]), 2);
  EXPECT_EQ(pool.free_count(), 2);
}

TEST(KvPool, WhatIsPinnedStaysAndIsFoundWithEverySalt) {
  KvPool pool(4, kBlockTokens);
  auto table = publish(pool, {1, 2});
  const std::vector<int> blocks = table;
  pool.pin(table[0]);
  pool.pin(table[0]);  // once more is harmless
  pool.release(table);
  EXPECT_EQ(pool.pinned_count(), 1);
  EXPECT_EQ(pool.used_count(), 1);
  const auto salt = std::make_shared<const std::string>("salt");
  EXPECT_EQ(find(pool, {1}, salt), blocks[0]);
  EXPECT_EQ(find(pool, {1, 2}, salt), kNone);
  EXPECT_EQ(find(pool, {1, 2}), blocks[1]);
  const int own = pool.publish(pool.take(), blocks[0], text(2), salt);
  EXPECT_EQ(find(pool, {1, 2}, salt), own) << "a salted text continues a pinned one";
  while (pool.free_count() > 0) pool.take();
  EXPECT_EQ(find(pool, {1}), blocks[0]);
  EXPECT_EQ(find(pool, {1, 2}), kNone);
}

TEST(KvPool, ABlockThatMadeRoomIsFoundUnderItsNewTokensOnly) {
  KvPool pool(1, kBlockTokens);
  for (int number = 1; number <= 20; ++number) {
    auto table = publish(pool, {number});
    EXPECT_EQ(find(pool, {number}), table[0]);
    EXPECT_EQ(find(pool, {number - 1}), kNone);
    pool.release(table);
  }
}

}  // namespace
}  // namespace puna

// The index against a search through everything.

#include "engine/prompt_lookup.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace puna {
namespace {

PromptLookup::Match searched(std::span<const TokenId> tokens, int ngram_min, int ngram_max) {
  PromptLookup::Match best;
  for (size_t end = 1; end < tokens.size(); ++end) {
    int length = 0;
    while (length < ngram_max && static_cast<size_t>(length) < end &&
           tokens[end - 1 - static_cast<size_t>(length)] ==
               tokens[tokens.size() - 1 - static_cast<size_t>(length)]) {
      ++length;
    }
    if (length >= ngram_min && length >= best.length) best = {.next = end, .length = length};
  }
  return best;
}

TEST(PromptLookup, FindsWhatASearchThroughEverythingFinds) {
  std::mt19937 random(1);
  for (const int ngram_min : {1, 2, 3, 5}) {
    for (const int ngram_max : {5, 16}) {
      for (const int alphabet : {7, 40, 1000}) {
        PromptLookup lookup(ngram_min, ngram_max);
        std::vector<TokenId> tokens;
        int matches = 0;
        while (tokens.size() < 200) {
          // Some of it new, some copied from before.
          const auto count = std::uniform_int_distribution<size_t>(1, 9)(random);
          const auto from = std::uniform_int_distribution<size_t>(0, 200)(random);
          for (size_t i = 0; i < count; ++i) {
            const bool is_copy = from + i < tokens.size();
            tokens.push_back(
                is_copy ? tokens[from + i]
                        : static_cast<TokenId>(random() % static_cast<unsigned>(alphabet)));
          }
          const auto expected = searched(tokens, ngram_min, ngram_max);
          const auto found = lookup.find(tokens);
          // With few letters there may be more places than are looked at.
          if (alphabet < 40 && ngram_min < 2) continue;
          ASSERT_EQ(found.length, expected.length);
          if (found.length > 0) {
            ASSERT_EQ(found.next, expected.next);
          }
          matches += found.length > 0 ? 1 : 0;
        }
        EXPECT_TRUE(matches > 0 || (alphabet < 40 && ngram_min < 2));
      }
    }
  }
}

TEST(PromptLookup, AMatchIsAlwaysOneHoweverManyPlacesThereAre) {
  PromptLookup lookup(1, 4);
  std::vector<TokenId> tokens;
  for (int i = 0; i < 5000; ++i) {
    tokens.push_back(i % 3 == 0 ? 1 : i % 2);
    const auto match = lookup.find(tokens);
    ASSERT_LT(match.next, tokens.size());
    for (int j = 0; j < match.length; ++j) {
      const auto back = static_cast<size_t>(j) + 1;
      ASSERT_EQ(tokens[match.next - back], tokens[tokens.size() - back]);
    }
  }
}

TEST(PromptLookup, NothingIsFoundInTooFewTokensOrWhenNothingWasSaidTwice) {
  PromptLookup lookup(3, 8);
  std::vector<TokenId> tokens;
  for (int i = 0; i < 300; ++i) {
    EXPECT_EQ(lookup.find(tokens).length, 0);
    tokens.push_back(i);
  }
}

TEST(PromptLookup, AContinuationGoesOnBeyondTheEndAsItRepeatsItself) {
  const std::vector<TokenId> tokens = {9, 1, 2, 3, 1, 2};
  PromptLookup lookup(2, 8);
  const auto match = lookup.find(tokens);
  EXPECT_EQ(match.next, 3U);
  EXPECT_EQ(match.length, 2);
  EXPECT_EQ(continuation(tokens, match, 8), (std::vector<TokenId>{3, 1, 2, 3, 1, 2, 3, 1}));
  EXPECT_TRUE(continuation(tokens, {}, 8).empty());
  EXPECT_TRUE(continuation(tokens, match, 0).empty());
}

}  // namespace
}  // namespace puna

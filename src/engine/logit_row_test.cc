// Each pass against its definition in plain loops.

#include "engine/logit_row.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

namespace puna {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::vector<float> random_row(size_t size, unsigned seed, bool with_ties) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(1, 5);
  std::vector<float> row(size);
  for (float& logit : row) logit = with_ties ? std::round(normal(random)) : normal(random);
  return row;
}

std::vector<TokenId> sorted_ids(const std::vector<float>& row) {
  std::vector<TokenId> ids(row.size());
  std::iota(ids.begin(), ids.end(), 0);
  std::sort(ids.begin(), ids.end(), [&](TokenId a, TokenId b) {
    const float left = row[static_cast<size_t>(a)], right = row[static_cast<size_t>(b)];
    return left != right ? left > right : a < b;
  });
  return ids;
}

TEST(LogitRow, TheLikeliestAreTheFirstOfTheSortedVocabulary) {
  for (const size_t size : {1U, 5U, 64U, 65U, 640U, 5003U}) {
    for (const bool with_ties : {false, true}) {
      const std::vector<float> row = random_row(size, 7, with_ties);
      const std::vector<TokenId> sorted = sorted_ids(row);
      for (const size_t count : {size_t{0}, size_t{1}, size_t{20}, size_t{79}, size, size + 1}) {
        const auto end = sorted.begin() + static_cast<ptrdiff_t>(std::min(count, size));
        EXPECT_EQ(likeliest(row, count), std::vector<TokenId>(sorted.begin(), end))
            << count << " of " << size;
      }
      EXPECT_EQ(largest(row), row[static_cast<size_t>(sorted[0])]);
    }
  }
}

TEST(LogitRow, ForbiddenTokensAreTheLeastLikely) {
  std::vector<float> row(200, -kInfinity);
  row[150] = -3;
  row[20] = -4;
  EXPECT_EQ(likeliest(row, 4), (std::vector<TokenId>{150, 20, 0, 1}));
}

TEST(LogitRow, WeightsAreExponentialsToTheLastDigits) {
  const Weighting weighting = {.best = 2, .temperature = 0.7};
  for (float logit = 2; logit > -490; logit -= 0.37F) {
    const double exact = std::exp((static_cast<double>(logit) - 2) / 0.7);
    EXPECT_NEAR(weighting.weight(logit) / exact, 1, 4e-16) << logit;
  }
  EXPECT_EQ(weighting.weight(-kInfinity), 0);
  EXPECT_EQ(weighting.weight(-1000), 0);
}

TEST(LogitRow, TheTotalIsTheSumOfTheWeights) {
  for (const size_t size : {1U, 63U, 64U, 1000U}) {
    const std::vector<float> row = random_row(size, 3, false);
    for (const double least : {0.0, 0.01}) {
      const Weighting weighting = {
          .best = static_cast<double>(largest(row)), .temperature = 1.5, .least = least};
      double sum = 0;
      for (const float logit : row) sum += weighting.weight(logit);
      EXPECT_NEAR(total_weight(row, weighting) / sum, 1, 1e-14);
    }
  }
}

TEST(LogitRow, ATokenStandsWhereItsShareOfTheWeightLies) {
  std::vector<float> row(130, -kInfinity);  // weights 1, 1/2, 1/2 of 2
  row[3] = 0;
  row[70] = row[129] = std::log(0.5F);
  const Weighting weighting = {.best = 0};
  EXPECT_EQ(token_at(row, weighting, 0), 3);
  EXPECT_EQ(token_at(row, weighting, 0.49), 3);
  EXPECT_EQ(token_at(row, weighting, 0.51), 70);
  EXPECT_EQ(token_at(row, weighting, 0.74), 70);
  EXPECT_EQ(token_at(row, weighting, 0.76), 129);
  EXPECT_EQ(token_at(row, weighting, std::nextafter(1.0, 0.0)), 129);
}

TEST(LogitRow, CountsWhatIsAbove) {
  const std::vector<float> row = {3, 1, 2, 3, -kInfinity};
  EXPECT_EQ(count_above(row, 3), 0);
  EXPECT_EQ(count_above(row, 2), 2);
  EXPECT_EQ(count_above(row, -kInfinity), 4);
}

TEST(LogitRow, NanAndInfinityAreNoNumbersWhereverTheyAre) {
  for (const size_t size : {1U, 64U, 200U}) {
    for (size_t i = 0; i < size; ++i) {
      std::vector<float> row(size, 0.5F);
      row[i] = -kInfinity;
      EXPECT_TRUE(are_numbers(row));
      row[i] = kInfinity;
      EXPECT_FALSE(are_numbers(row));
      row[i] = std::nanf("");
      EXPECT_FALSE(are_numbers(row));
    }
  }
}

}  // namespace
}  // namespace puna

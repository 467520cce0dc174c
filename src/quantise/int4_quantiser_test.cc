// Quantised rows against plain rounding and against a slow, dense search in f64.

#include "quantise/int4_quantiser.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "base/float16.h"

namespace puna {
namespace {

struct Quantised {
  std::vector<uint8_t> values;
  std::vector<float> scales;
  std::vector<float> offsets;

  Quantised(size_t size, size_t group, bool symmetric)
      : values(size), scales(size / group), offsets(symmetric ? 0 : size / group) {}
};

Quantised quantise(const std::vector<float>& weights, const std::vector<float>& importance,
                   size_t group, bool symmetric) {
  Quantised row(weights.size(), group, symmetric);
  quantise_int4_row(weights, importance, group, symmetric, row.values, row.scales, row.offsets);
  return row;
}

Quantised round_plainly(const std::vector<float>& weights, size_t group, bool symmetric) {
  Quantised row(weights.size(), group, symmetric);
  round_int4_row(weights, group, symmetric, row.values, row.scales, row.offsets);
  return row;
}

double error_of(const std::vector<float>& weights, const std::vector<float>& importance,
                size_t group, const Quantised& row) {
  return int4_row_error(weights, importance, group, row.values, row.scales, row.offsets);
}

std::vector<float> normal_values(size_t size, float deviation, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<float> normal(0.0F, deviation);
  std::vector<float> values(size);
  for (float& value : values) value = normal(random);
  return values;
}

// As activations are: most channels alike, a few a hundred times as strong.
std::vector<float> uneven_importance(size_t size, uint64_t seed) {
  std::vector<float> importance = normal_values(size, 1.5F, seed);
  for (float& value : importance) value = std::exp(value);
  return importance;
}

struct Case {
  size_t group;
  bool symmetric;
};

class Int4Quantiser : public ::testing::TestWithParam<Case> {};

TEST_P(Int4Quantiser, IsNeverWorseThanPlainRounding) {
  const auto [group, symmetric] = GetParam();
  constexpr size_t kRows = 200;
  double searched = 0;
  double plain = 0;
  for (uint64_t seed = 0; seed < kRows; ++seed) {
    std::vector<float> weights = normal_values(group, 0.02F, seed);
    if (seed % 3 == 1) weights[seed % group] *= 20;  // an outlier
    if (seed % 3 == 2)
      for (float& weight : weights) weight += 1;  // far from zero
    const auto importance =
        seed % 2 == 0 ? std::vector<float>() : uneven_importance(group, seed + 1000);
    const double one =
        error_of(weights, importance, group, quantise(weights, importance, group, symmetric));
    const double other =
        error_of(weights, importance, group, round_plainly(weights, group, symmetric));
    ASSERT_LE(one, other * (1 + 1e-5)) << seed;
    searched += one;
    plain += other;
  }
  EXPECT_LT(searched, 0.9 * plain);
}

TEST_P(Int4Quantiser, WeightsOnAGridComeBackExactly) {
  const auto [group, symmetric] = GetParam();
  std::mt19937 random(7);
  for (int round = 0; round < 100; ++round) {
    const float scale = f16_to_f32(f32_to_f16(0.001F * static_cast<float>(1 + round)));
    const float offset =
        symmetric ? -8 * scale : f16_to_f32(f32_to_f16(0.03F * static_cast<float>(round - 50)));
    std::vector<uint8_t> values(group);
    for (uint8_t& value : values) value = static_cast<uint8_t>(random() % 16);
    values[random() % group] = 0;  // both ends of the grid are in use
    values[(random() % (group - 1)) / 2 * 2 + 1] = 15;
    values[0] = 0;
    std::vector<float> weights(group);
    for (size_t i = 0; i < group; ++i) {
      weights[i] = scale * static_cast<float>(values[i]) + offset;
    }
    const Quantised row = quantise(weights, {}, group, symmetric);
    for (size_t i = 0; i < group; ++i) {
      const float base = symmetric ? -8 * row.scales[0] : row.offsets[0];
      ASSERT_NEAR(row.scales[0] * static_cast<float>(row.values[i]) + base, weights[i], 1e-6)
          << "round " << round << " weight " << i;
    }
  }
}

TEST_P(Int4Quantiser, ScalesAndOffsetsAreHalfPrecision) {
  const auto [group, symmetric] = GetParam();
  for (const float deviation : {1e-7F, 1e-3F, 1.0F, 1e4F, 1e30F}) {
    const auto weights = normal_values(group * 8, deviation, 3);
    const Quantised row = quantise(weights, {}, group, symmetric);
    for (const float scale : row.scales) {
      ASSERT_TRUE(std::isfinite(scale));
      EXPECT_EQ(scale, f16_to_f32(f32_to_f16(scale)));
    }
    for (const float offset : row.offsets) {
      ASSERT_TRUE(std::isfinite(offset));
      EXPECT_EQ(offset, f16_to_f32(f32_to_f16(offset)));
    }
    EXPECT_LE(*std::max_element(row.values.begin(), row.values.end()), 15);
  }
}

TEST_P(Int4Quantiser, GroupsOfZerosStayZero) {
  const auto [group, symmetric] = GetParam();
  std::vector<float> weights = normal_values(3 * group, 0.1F, 5);
  std::fill_n(weights.begin() + static_cast<ptrdiff_t>(group), group, 0.0F);
  const Quantised row = quantise(weights, {}, group, symmetric);
  for (size_t i = group; i < 2 * group; ++i) {
    const float offset = symmetric ? -8 * row.scales[1] : row.offsets[1];
    ASSERT_EQ(row.scales[1] * static_cast<float>(row.values[i]) + offset, 0.0F);
  }
}

TEST_P(Int4Quantiser, NoImportanceAtAllMeansTheSameForEach) {
  const auto [group, symmetric] = GetParam();
  const auto weights = normal_values(2 * group, 0.1F, 6);
  const Quantised without = quantise(weights, {}, group, symmetric);
  const Quantised zeros = quantise(weights, std::vector<float>(2 * group), group, symmetric);
  const Quantised threes = quantise(weights, std::vector<float>(2 * group, 3.0F), group, symmetric);
  EXPECT_EQ(zeros.values, without.values);
  EXPECT_EQ(zeros.scales, without.scales);
  EXPECT_EQ(threes.values, without.values);
}

TEST_P(Int4Quantiser, WhatMattersMostIsKeptBest) {
  const auto [group, symmetric] = GetParam();
  double heeded = 0;
  double ignored = 0;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    const auto weights = normal_values(group, 0.1F, seed);
    const auto importance = uneven_importance(group, seed + 500);
    heeded += error_of(weights, importance, group, quantise(weights, importance, group, symmetric));
    ignored += error_of(weights, importance, group, quantise(weights, {}, group, symmetric));
  }
  EXPECT_LT(heeded, 0.93 * ignored);
}

INSTANTIATE_TEST_SUITE_P(Groups, Int4Quantiser,
                         ::testing::Values(Case{32, false}, Case{64, false}, Case{128, false},
                                           Case{32, true}, Case{64, true}, Case{128, true}),
                         [](const auto& parameter) {
                           return fmt::format("{}_{}",
                                              parameter.param.symmetric ? "symmetric" : "offset",
                                              parameter.param.group);
                         });

// The least error of any line that a dense grid of ranges and ten refits of each can find.
double dense_search(const std::vector<float>& weights, const std::vector<float>& importance,
                    bool symmetric) {
  const auto [low, high] = std::minmax_element(weights.begin(), weights.end());
  const double extreme = std::max(std::abs(*low), std::abs(*high));
  const double range = static_cast<double>(*high) - static_cast<double>(*low);
  double best = 1e300;
  const auto follow = [&](double scale, double offset) {
    for (int refit = 0; refit < 10; ++refit) {
      double h = 0, hw = 0, hl = 0, hll = 0, hlw = 0, error = 0;
      for (size_t i = 0; i < weights.size(); ++i) {
        const double level =
            symmetric ? std::clamp(std::nearbyint(weights[i] / scale), -8.0, 7.0)
                      : std::clamp(std::nearbyint((weights[i] - offset) / scale), 0.0, 15.0);
        const double importance_here = importance[i];
        const double rest = weights[i] - (scale * level + offset);
        error += importance_here * rest * rest;
        h += importance_here;
        hw += importance_here * weights[i];
        hl += importance_here * level;
        hll += importance_here * level * level;
        hlw += importance_here * level * weights[i];
      }
      best = std::min(best, error);
      const double determinant = h * hll - hl * hl;
      if (symmetric ? hll <= 0 : determinant <= 1e-9 * h * hll) return;
      scale = symmetric ? hlw / hll : (h * hlw - hl * hw) / determinant;
      offset = symmetric ? 0 : (hw - scale * hl) / h;
      if (scale == 0) return;
    }
  };
  if (symmetric) {
    for (double value = 4; value < 14; value += 0.05) {
      follow(extreme / value, 0);
      follow(-extreme / value, 0);
    }
    return best;
  }
  for (double bottom = -0.05; bottom < 0.4; bottom += 0.02) {
    for (double top = -0.05; top < 0.4; top += 0.02) {
      follow(range * (1 - bottom - top) / 15, static_cast<double>(*low) + bottom * range);
    }
  }
  return best;
}

TEST(Int4QuantiserSearch, ComesCloseToADenseSearch) {
  for (const bool symmetric : {false, true}) {
    for (const size_t group : {size_t{32}, size_t{128}}) {
      double quick = 0;
      double dense = 0;
      for (uint64_t seed = 0; seed < 40; ++seed) {
        const auto weights = normal_values(group, 0.1F, seed);
        const auto importance = uneven_importance(group, seed + 100);
        quick +=
            error_of(weights, importance, group, quantise(weights, importance, group, symmetric));
        dense += dense_search(weights, importance, symmetric);
      }
      EXPECT_LT(quick, 1.08 * dense) << "group " << group << " symmetric " << symmetric;
    }
  }
}

TEST(RoundInt4Row, TakesTheNearestOfSixteenAndTheEvenOneOfTwo) {
  std::vector<float> weights = {0, 15, 0.5F, 1.5F, 2.5F, 7.4F, 7.6F, 14.5F};
  const Quantised row = round_plainly(weights, 8, false);
  EXPECT_EQ(row.values, (std::vector<uint8_t>{0, 15, 0, 2, 2, 7, 8, 14}));
  EXPECT_EQ(row.scales[0], 1.0F);
  EXPECT_EQ(row.offsets[0], 0.0F);
  weights = {-8, 7, -0.5F, 0.5F, 1.5F, 6.9F, -7.6F, 0};
  const Quantised symmetric = round_plainly(weights, 8, true);
  EXPECT_EQ(symmetric.values, (std::vector<uint8_t>{0, 15, 8, 8, 10, 15, 0, 8}));
  EXPECT_EQ(symmetric.scales[0], 1.0F);
}

TEST(RoundInt4Row, AStrongestWeightAboveZeroTurnsTheScaleAround) {
  const std::vector<float> weights = {8, -7, 1, 0, 2, 3, 4, 5};
  const Quantised row = round_plainly(weights, 8, true);
  EXPECT_EQ(row.scales[0], -1.0F);
  EXPECT_EQ(row.values, (std::vector<uint8_t>{0, 15, 7, 8, 6, 5, 4, 3}));
}

}  // namespace
}  // namespace puna

// Rotation by hand-made angles, and every RoPE variant against its formula in double.

#include "model/rope.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "model/llama_config.h"

namespace puna {
namespace {

TEST(Rope, PairsElementsOfTheTwoHalves) {
  std::vector<float> head = {1, 2, 3, 4};
  const std::vector<float> cosines = {0, 1};  // a quarter turn, and none
  const std::vector<float> sines = {1, 0};
  rotate(head.data(), cosines.data(), sines.data(), 2);
  EXPECT_EQ(head, (std::vector<float>{-3, 2, 1, 4}));
}

void expect_angles(const RopeConfig& rope, const std::vector<double>& frequencies) {
  const auto inverse = rope_inverse_frequencies(rope, static_cast<int>(2 * frequencies.size()));
  std::vector<float> cosines(frequencies.size());
  std::vector<float> sines(frequencies.size());
  for (const size_t position : {size_t{0}, size_t{1}, size_t{100}, size_t{2000}}) {
    rope_angles(inverse, position, cosines.data(), sines.data());
    for (size_t i = 0; i < frequencies.size(); ++i) {
      const double angle = static_cast<double>(position) * frequencies[i];
      // An angle near 2000 has f32 steps of 1.2e-4.
      EXPECT_NEAR(static_cast<double>(cosines[i]), std::cos(angle), 3e-4) << position;
      EXPECT_NEAR(static_cast<double>(sines[i]), std::sin(angle), 3e-4) << position;
    }
  }
}

TEST(Rope, TurnsSlowerAlongTheHead) {
  RopeConfig rope;
  expect_angles(rope, {1, std::pow(10000.0, -1.0 / 3), std::pow(10000.0, -2.0 / 3)});
}

TEST(Rope, LinearScalingDividesEveryAngle) {
  RopeConfig rope;
  rope.type = RopeType::kLinear;
  rope.factor = 4;
  expect_angles(rope, {0.25, std::pow(10000.0, -0.5) / 4});
}

TEST(Rope, Llama3KeepsShortWavesAndStretchesLongOnes) {
  RopeConfig rope;
  rope.type = RopeType::kLlama3;
  rope.theta = 500000;
  rope.factor = 8;
  rope.low_freq_factor = 1;
  rope.high_freq_factor = 4;
  rope.original_max_position_embeddings = 64;
  // Waves of 6.3 (kept), 167 (beyond 64: stretched), and longer.
  expect_angles(rope, {1, std::pow(500000.0, -0.25) / 8, std::pow(500000.0, -0.5) / 8,
                       std::pow(500000.0, -0.75) / 8});
}

TEST(Rope, FactorsDivideTheirOwnFrequency) {
  RopeConfig rope;
  rope.type = RopeType::kFactors;
  rope.frequency_factors = {1.0F, 2.0F};
  expect_angles(rope, {1, std::pow(10000.0, -0.5) / 2});
}

}  // namespace
}  // namespace puna

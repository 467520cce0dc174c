// Known answers of the Random123 library (kat_vectors, philox4x32 with 10 rounds).

#include "engine/random.h"

#include <gtest/gtest.h>

namespace puna {
namespace {

using Words = std::array<uint32_t, 4>;

TEST(Random, GivesThePublishedNumbers) {
  EXPECT_EQ(philox({0, 0, 0, 0}, {0, 0}), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  constexpr uint32_t kOnes = 0xffffffff;
  EXPECT_EQ(philox({kOnes, kOnes, kOnes, kOnes}, {kOnes, kOnes}),
            (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Random, UniformNumbersDependOnSeedAndIndexAlone) {
  EXPECT_EQ(uniform(1, 2), uniform(1, 2));
  EXPECT_NE(uniform(1, 2), uniform(1, 3));
  EXPECT_NE(uniform(1, 2), uniform(2, 2));
}

TEST(Random, UniformNumbersFillTheInterval) {
  constexpr int kCount = 100000;
  constexpr int kBins = 100;
  std::array<int, kBins> counts{};
  for (uint64_t i = 0; i < kCount; ++i) ++counts[static_cast<size_t>(uniform(7, i) * kBins)];
  double chi_square = 0;
  for (const int count : counts) {
    const double difference = count - kCount / kBins;
    chi_square += difference * difference / (kCount / kBins);
  }
  EXPECT_LT(chi_square, 148.2);  // 99 degrees of freedom, p = 0.001
}

}  // namespace
}  // namespace puna

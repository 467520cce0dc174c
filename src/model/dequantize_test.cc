// Every stored type against the values gguf-py reads (tools/goldens/make_dequantize_goldens.py),
// dequantised and as stored values with their scales.

#include "model/dequantize.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <fstream>

#include "base/json.h"
#include "model/block_values.h"

namespace puna {
namespace {

const Json& golden() {
  static const Json read = [] {
    std::ifstream file("tests/golden/dequantize/goldens.json");
    const std::string text((std::istreambuf_iterator<char>(file)), {});
    return parse_json(text).value()["types"];
  }();
  return read;
}

std::vector<std::byte> bytes_of(const std::string& hex) {
  std::vector<std::byte> bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<std::byte>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

std::vector<float> golden_values(TensorType type) {
  std::vector<float> values;
  for (const Json& bits : golden()[std::string(describe(type))]["f32_bits"]) {
    values.push_back(std::bit_cast<float>(bits.get<uint32_t>()));
  }
  return values;
}

std::vector<std::byte> golden_bytes(TensorType type) {
  return bytes_of(golden()[std::string(describe(type))]["bytes"].get<std::string>());
}

class Dequantize : public ::testing::TestWithParam<TensorType> {};

TEST_P(Dequantize, GivesTheValuesOfTheReference) {
  const std::vector<float> expected = golden_values(GetParam());
  const std::vector<std::byte> stored = golden_bytes(GetParam());
  std::vector<float> values(expected.size());
  ASSERT_EQ(row_bytes(GetParam(), static_cast<int64_t>(values.size())),
            static_cast<int64_t>(stored.size()));
  dequantize(GetParam(), stored, values);
  for (size_t i = 0; i < values.size(); ++i) {
    // The order of two products may differ: an ulp or so of the larger one.
    ASSERT_NEAR(values[i], expected[i], 2e-6F * std::max(1.0F, std::abs(expected[i]))) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Types, Dequantize,
                         ::testing::Values(TensorType::kF32, TensorType::kF16, TensorType::kBf16,
                                           TensorType::kQ8_0, TensorType::kQ4_0, TensorType::kQ4_1,
                                           TensorType::kQ5_0, TensorType::kQ5_1, TensorType::kQ4_K,
                                           TensorType::kQ5_K, TensorType::kQ6_K),
                         [](const auto& parameter) {
                           return std::string(describe(parameter.param));
                         });

class StoredIn4Bits : public ::testing::TestWithParam<TensorType> {};

TEST_P(StoredIn4Bits, MeanTheValuesOfTheReference) {
  const std::vector<float> expected = golden_values(GetParam());
  const auto layout = quantised_layout_of(GetParam());
  ASSERT_TRUE(layout);
  ASSERT_EQ(layout->group, 32);
  std::vector<uint8_t> values(expected.size());
  std::vector<float> scales(expected.size() / 32);
  std::vector<float> offsets(layout->symmetric ? 0 : scales.size());
  unpack_quantised(GetParam(), golden_bytes(GetParam()), values, scales, offsets);
  for (size_t i = 0; i < values.size(); ++i) {
    ASSERT_LE(values[i], 15) << i;
    const float scale = scales[i / 32];
    const float offset = layout->symmetric ? -8 * scale : offsets[i / 32];
    ASSERT_NEAR(scale * static_cast<float>(values[i]) + offset, expected[i],
                1e-6F * std::max(1.0F, std::abs(expected[i])))
        << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Types, StoredIn4Bits,
                         ::testing::Values(TensorType::kQ4_0, TensorType::kQ4_1, TensorType::kQ4_K),
                         [](const auto& parameter) {
                           return std::string(describe(parameter.param));
                         });

TEST(StoredIn8Bits, AreTheValuesOfTheReferenceExactly) {
  const std::vector<float> expected = golden_values(TensorType::kQ8_0);
  ASSERT_EQ(int8_layout_of(TensorType::kQ8_0), Int8Layout{.group = 32});
  std::vector<int8_t> values(expected.size());
  std::vector<float> scales(expected.size() / 32);
  unpack_int8(TensorType::kQ8_0, golden_bytes(TensorType::kQ8_0), values, scales);
  for (size_t i = 0; i < values.size(); ++i) {
    ASSERT_EQ(scales[i / 32] * static_cast<float>(values[i]), expected[i]) << i;
  }
}

TEST(StoredIn4Bits, AreTheFormatsOfFourBitsAlone) {
  for (const auto type :
       {TensorType::kF32, TensorType::kF16, TensorType::kBf16, TensorType::kQ8_0, TensorType::kQ5_0,
        TensorType::kQ5_1, TensorType::kQ5_K, TensorType::kQ6_K}) {
    EXPECT_FALSE(quantised_layout_of(type)) << describe(type);
    EXPECT_EQ(int8_layout_of(type).has_value(), type == TensorType::kQ8_0) << describe(type);
  }
}

TEST(RowBytes, ARowIsAWholeNumberOfBlocks) {
  EXPECT_EQ(row_bytes(TensorType::kQ4_0, 64), 36);
  EXPECT_EQ(row_bytes(TensorType::kQ4_0, 65), -1);
  EXPECT_EQ(row_bytes(TensorType::kQ6_K, 256), 210);
  EXPECT_EQ(row_bytes(TensorType::kQ6_K, 32), -1);
}

}  // namespace
}  // namespace puna

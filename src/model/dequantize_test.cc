// Every stored type against the values gguf-py reads (tools/goldens/make_dequantize_goldens.py).

#include "model/dequantize.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <fstream>

#include "base/json.h"

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

class Dequantize : public ::testing::TestWithParam<TensorType> {};

TEST_P(Dequantize, GivesTheValuesOfTheReference) {
  const Json& expected = golden()[std::string(describe(GetParam()))];
  const auto stored = bytes_of(expected["bytes"].get<std::string>());
  std::vector<float> values(expected["f32_bits"].size());
  ASSERT_EQ(row_bytes(GetParam(), static_cast<int64_t>(values.size())),
            static_cast<int64_t>(stored.size()));
  dequantize(GetParam(), stored, values);
  for (size_t i = 0; i < values.size(); ++i) {
    const auto wanted = std::bit_cast<float>(expected["f32_bits"][i].get<uint32_t>());
    // The order of two products may differ: an ulp or so of the larger one.
    ASSERT_NEAR(values[i], wanted, 2e-6F * std::max(1.0F, std::abs(wanted))) << "value " << i;
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

TEST(RowBytes, ARowIsAWholeNumberOfBlocks) {
  EXPECT_EQ(row_bytes(TensorType::kQ4_0, 64), 36);
  EXPECT_EQ(row_bytes(TensorType::kQ4_0, 65), -1);
  EXPECT_EQ(row_bytes(TensorType::kQ6_K, 256), 210);
  EXPECT_EQ(row_bytes(TensorType::kQ6_K, 32), -1);
}

}  // namespace
}  // namespace puna

// What quantization_config may say, and what is refused by name.

#include "model/quantisation_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace puna {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

Result<std::optional<QuantisationConfig>> parse(const std::string& fields) {
  return parse_quantisation_config(R"({"quantization_config": {)" + fields + "}}", "config.json");
}

TEST(QuantisationConfig, IsNothingForAPlainCheckpoint) {
  const auto config = parse_quantisation_config(R"({"hidden_size": 64})", "config.json");
  ASSERT_TRUE(config.ok());
  EXPECT_FALSE(config->has_value());
}

TEST(QuantisationConfig, ReadsWhatAutoAwqWrites) {
  const auto config = parse(R"("quant_method": "awq", "bits": 4, "group_size": 128,
      "version": "GEMM", "zero_point": true, "modules_to_not_convert": null)");
  ASSERT_TRUE(config.ok()) << config.status().message();
  EXPECT_EQ((*config)->packing, Int4Packing::kAwq);
  EXPECT_EQ((*config)->group_size, 128);
  EXPECT_TRUE((*config)->has_zeros);
  EXPECT_EQ(describe(**config), "awq, 4 bits in groups of 128");
}

TEST(QuantisationConfig, ReadsBothFormatsOfGptq) {
  const std::string fields =
      R"("quant_method": "gptq", "bits": 4, "group_size": 64, "sym": false, "desc_act": false)";
  const auto first = parse(fields);
  ASSERT_TRUE(first.ok()) << first.status().message();
  EXPECT_EQ((*first)->packing, Int4Packing::kGptq);
  EXPECT_TRUE((*first)->zeros_are_less_one);
  const auto second = parse(fields + R"(, "checkpoint_format": "gptq_v2")");
  ASSERT_TRUE(second.ok()) << second.status().message();
  EXPECT_FALSE((*second)->zeros_are_less_one);
}

struct Refused {
  const char* name;
  const char* fields;
  const char* field;
};

class RefusedQuantisation : public ::testing::TestWithParam<Refused> {};

TEST_P(RefusedQuantisation, NamesFileAndField) {
  const auto config = parse(GetParam().fields);
  ASSERT_FALSE(config.ok());
  EXPECT_THAT(config.status().message(),
              AllOf(HasSubstr("config.json"), HasSubstr(GetParam().field)));
}

INSTANTIATE_TEST_SUITE_P(
    Fields, RefusedQuantisation,
    ::testing::Values(
        Refused{"no_method", R"("bits": 4, "group_size": 128)", "quant_method"},
        Refused{"other_method", R"("quant_method": "bitsandbytes", "bits": 4)", "bitsandbytes"},
        Refused{"eight_bits", R"("quant_method": "gptq", "bits": 8, "group_size": 128)", "bits"},
        Refused{"no_bits", R"("quant_method": "gptq", "group_size": 128)", "bits"},
        Refused{"no_group", R"("quant_method": "awq", "bits": 4)", "group_size"},
        Refused{"a_group_per_row", R"("quant_method": "awq", "bits": 4, "group_size": -1)",
                "group_size"},
        Refused{"an_odd_group", R"("quant_method": "awq", "bits": 4, "group_size": 96)",
                "group_size"},
        Refused{"gemv", R"("quant_method": "awq", "bits": 4, "group_size": 128, "version": "gemv")",
                "version"},
        Refused{"reordered",
                R"("quant_method": "gptq", "bits": 4, "group_size": 128, "desc_act": true)",
                "desc_act"},
        Refused{"mixed_bits",
                R"("quant_method": "gptq", "bits": 4, "group_size": 128, "dynamic": {"a": {}})",
                "dynamic"},
        Refused{"marlin",
                R"("quant_method": "gptq", "bits": 4, "group_size": 128,
                   "checkpoint_format": "marlin")",
                "checkpoint_format"},
        Refused{"bits_are_text", R"("quant_method": "gptq", "bits": "4", "group_size": 128)",
                "bits"}),
    [](const auto& parameter) { return std::string(parameter.param.name); });

}  // namespace
}  // namespace puna

// Merged weights equal PEFT's (tools/goldens/make_adapter_goldens.py), and what does not fit is
// refused.

#include "model/adapter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "base/json.h"

namespace puna {
namespace {

using ::testing::HasSubstr;

constexpr char kBase[] = "tests/golden/llama/grouped_query_tied";
constexpr char kAdapter[] = "tests/golden/adapter";

TEST(Adapter, MergesToTheWeightsOfPeft) {
  auto checkpoint = open_checkpoint(kBase);
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status().message();
  const Status status = apply_adapter(*checkpoint, kAdapter);
  ASSERT_TRUE(status.ok()) << status.message();
  ASSERT_EQ(checkpoint->adapters.size(), 1U);
  EXPECT_EQ(checkpoint->adapters[0].rank, 4);
  EXPECT_DOUBLE_EQ(checkpoint->adapters[0].scale, 3.0);
  std::ifstream file(std::string(kAdapter) + "/merged.json");
  const Json golden = parse_json(std::string((std::istreambuf_iterator<char>(file)), {})).value();
  ASSERT_EQ(golden["rows"].size(), 7U);
  for (const auto& [name, expected] : golden["rows"].items()) {
    const auto values = expected.get<std::vector<float>>();
    std::vector<float> rows(values.size());
    ASSERT_TRUE(checkpoint->weights->read_rows(name, 0, 3, rows).ok()) << name;
    for (size_t i = 0; i < rows.size(); ++i) ASSERT_NEAR(rows[i], values[i], 2e-6) << name;
  }
}

TEST(Adapter, ARowIsTheSameWhateverIsReadWithIt) {
  auto checkpoint = open_checkpoint(kBase);
  ASSERT_TRUE(checkpoint.ok() && apply_adapter(*checkpoint, kAdapter).ok());
  const char* name = "model.layers.0.self_attn.q_proj.weight";
  const auto columns = static_cast<size_t>(checkpoint->weights->find(name)->column_count());
  std::vector<float> all(3 * columns);
  std::vector<float> one(columns);
  ASSERT_TRUE(checkpoint->weights->read_rows(name, 0, 3, all).ok());
  ASSERT_TRUE(checkpoint->weights->read_rows(name, 2, 1, one).ok());
  EXPECT_EQ(one, std::vector<float>(all.end() - static_cast<ptrdiff_t>(columns), all.end()));
}

// All matrices are in 4 and in 8 bits at once, so that both answers can be asked for.
class QuantisedBase final : public ForwardingWeights {
 public:
  using ForwardingWeights::ForwardingWeights;
  std::optional<QuantisedLayout> quantised_layout(std::string_view) const override {
    return QuantisedLayout{.group = 32, .symmetric = true};
  }
  Status read_quantised_rows(std::string_view, int64_t, int64_t,
                             QuantisedRows& out) const override {
    out.group = 32;
    return Status();
  }
  std::optional<Int8Layout> int8_layout(std::string_view) const override {
    return Int8Layout{.group = 32};
  }
  Status read_int8_rows(std::string_view, int64_t, int64_t, Int8Rows& out) const override {
    out.group = 32;
    return Status();
  }
};

TEST(Adapter, WhatItChangesIsNoLongerStoredInFewBits) {
  auto checkpoint = open_checkpoint(kBase);
  ASSERT_TRUE(checkpoint.ok());
  checkpoint->weights = std::make_shared<QuantisedBase>(checkpoint->weights);
  ASSERT_TRUE(apply_adapter(*checkpoint, kAdapter).ok());
  const WeightSource& weights = *checkpoint->weights;
  QuantisedRows in_4_bits;
  Int8Rows in_8_bits;
  const char* changed = "model.layers.0.self_attn.q_proj.weight";
  EXPECT_FALSE(weights.quantised_layout(changed));
  EXPECT_FALSE(weights.int8_layout(changed));
  EXPECT_FALSE(weights.read_quantised_rows(changed, 0, 1, in_4_bits).ok());
  EXPECT_FALSE(weights.read_int8_rows(changed, 0, 1, in_8_bits).ok());
  const char* untouched = "model.embed_tokens.weight";
  EXPECT_TRUE(weights.quantised_layout(untouched));
  EXPECT_TRUE(weights.int8_layout(untouched));
  EXPECT_TRUE(weights.read_quantised_rows(untouched, 0, 1, in_4_bits).ok());
  EXPECT_TRUE(weights.read_int8_rows(untouched, 0, 1, in_8_bits).ok());
}

TEST(Adapter, OneForAnotherModelIsRefusedWithTheShapes) {
  auto checkpoint = open_checkpoint("tests/golden/llama/multi_query_biases_head_24");
  ASSERT_TRUE(checkpoint.ok());
  EXPECT_THAT(apply_adapter(*checkpoint, kAdapter).message(), HasSubstr("shape"));
}

TEST(Adapter, WhatPunaCannotMergeIsNamed) {
  const auto refusal = [](const char* more) {
    return parse_adapter_config(
               std::string(R"({"peft_type": "LORA", "r": 4, "lora_alpha": 8, )") + more + "}", "c")
        .status()
        .message();
  };
  EXPECT_THAT(refusal(R"("use_dora": true)"), HasSubstr("use_dora"));
  EXPECT_THAT(refusal(R"("bias": "all")"), HasSubstr("bias"));
  EXPECT_THAT(refusal(R"("modules_to_save": ["lm_head"])"), HasSubstr("modules_to_save"));
  EXPECT_THAT(refusal(R"("r": 0)"), HasSubstr("r"));
}

TEST(Adapter, TheScaleIsAlphaOverRankOrItsRoot) {
  const auto plain =
      parse_adapter_config(R"({"peft_type": "LORA", "r": 16, "lora_alpha": 8})", "c");
  ASSERT_TRUE(plain.ok()) << plain.status().message();
  EXPECT_DOUBLE_EQ(plain->scale(), 0.5);
  const auto root = parse_adapter_config(
      R"({"peft_type": "LORA", "r": 16, "lora_alpha": 8, "use_rslora": true})", "c");
  ASSERT_TRUE(root.ok()) << root.status().message();
  EXPECT_DOUBLE_EQ(root->scale(), 2.0);
}

// As PEFT's get_pattern_key: the whole name of a module or its end after a dot, as a regular
// expression, the first that fits.
TEST(Adapter, PatternsGiveModulesARankAndAnAlphaOfTheirOwn) {
  const auto config = parse_adapter_config(R"({"peft_type": "LORA", "r": 4, "lora_alpha": 8,
      "rank_pattern": {"layers.1.self_attn.q_proj": 2, "q_proj": 16, "^model.layers.[01].mlp.*": 8},
      "alpha_pattern": {"layers\\.[0-9]+\\.self_attn\\.v_proj": 2, "down_proj": 4}})",
                                           "c");
  ASSERT_TRUE(config.ok()) << config.status().message();
  EXPECT_EQ(config->rank_of("model.layers.1.self_attn.q_proj"), 2);
  EXPECT_EQ(config->rank_of("model.layers.11.self_attn.q_proj"), 16);
  EXPECT_EQ(config->rank_of("model.layers.1.self_attn.v_proj"), 4);
  EXPECT_EQ(config->rank_of("model.layers.1.mlp.up_proj"), 8);
  EXPECT_EQ(config->rank_of("model.layers.2.mlp.up_proj"), 4);
  EXPECT_DOUBLE_EQ(config->scale_of("model.layers.3.self_attn.v_proj"), 0.5);
  EXPECT_DOUBLE_EQ(config->scale_of("model.layers.0.mlp.down_proj"), 0.5);
  EXPECT_DOUBLE_EQ(config->scale_of("model.layers.0.self_attn.k_proj"), 2.0);
}

TEST(Adapter, PatternsThatAreNoneAreRefusedByName) {
  const auto refusal = [](const char* patterns) {
    return parse_adapter_config(
               std::string(R"({"peft_type": "LORA", "r": 4, "lora_alpha": 8, )") + patterns + "}",
               "c")
        .status()
        .message();
  };
  EXPECT_THAT(refusal(R"("rank_pattern": {"q_proj": 0})"), HasSubstr("rank_pattern"));
  EXPECT_THAT(refusal(R"("rank_pattern": {"q_proj": 1.5})"), HasSubstr("rank_pattern"));
  EXPECT_THAT(refusal(R"("alpha_pattern": {"q_proj": "2"})"), HasSubstr("alpha_pattern"));
  EXPECT_THAT(refusal(R"("alpha_pattern": {"q_proj(": 2})"), HasSubstr("alpha_pattern"));
  EXPECT_THAT(refusal(R"("alpha_pattern": [2])"), HasSubstr("alpha_pattern"));
}

// A copy of the golden adapter whose config has more in it.
std::filesystem::path adapter_with(const std::string& more) {
  const std::filesystem::path folder = testing::TempDir() + "/adapter_with_patterns";
  std::filesystem::create_directories(folder);
  std::filesystem::copy_file(std::string(kAdapter) + "/adapter_model.safetensors",
                             folder / "adapter_model.safetensors",
                             std::filesystem::copy_options::overwrite_existing);
  std::ifstream file(std::string(kAdapter) + "/adapter_config.json");
  Json config = parse_json(std::string((std::istreambuf_iterator<char>(file)), {})).value();
  config.update(parse_json(more).value());
  std::ofstream(folder / "adapter_config.json") << config.dump();
  return folder;
}

std::vector<float> values_of(const Checkpoint& checkpoint, const char* name) {
  const TensorInfo* tensor = checkpoint.weights->find(name);
  std::vector<float> values(static_cast<size_t>(tensor->row_count() * tensor->column_count()));
  EXPECT_TRUE(checkpoint.weights->read_rows(name, 0, tensor->row_count(), values).ok());
  return values;
}

TEST(Adapter, AnAlphaOfItsOwnScalesAModulesChangeAlone) {
  auto base = open_checkpoint(kBase);
  auto plain = open_checkpoint(kBase);
  auto changed = open_checkpoint(kBase);
  ASSERT_TRUE(base.ok() && plain.ok() && changed.ok());
  ASSERT_TRUE(apply_adapter(*plain, kAdapter).ok());  // alpha 12
  const auto adapter = adapter_with(R"({"alpha_pattern": {"layers.0.self_attn.q_proj": 24}})");
  ASSERT_TRUE(apply_adapter(*changed, adapter).ok());
  for (const auto& [name, factor] : {std::pair("model.layers.0.self_attn.q_proj.weight", 2.0F),
                                     std::pair("model.layers.1.self_attn.q_proj.weight", 1.0F)}) {
    const std::vector<float> before = values_of(*base, name);
    const std::vector<float> once = values_of(*plain, name);
    const std::vector<float> after = values_of(*changed, name);
    for (size_t i = 0; i < before.size(); ++i) {
      ASSERT_NEAR(after[i] - before[i], factor * (once[i] - before[i]), 1e-5) << name;
    }
  }
}

TEST(Adapter, ARankThatTheTensorsDoNotHaveIsRefused) {
  auto checkpoint = open_checkpoint(kBase);
  ASSERT_TRUE(checkpoint.ok());
  const auto adapter = adapter_with(R"({"rank_pattern": {"q_proj": 3}})");
  EXPECT_THAT(apply_adapter(*checkpoint, adapter).message(), HasSubstr("shape"));
}

TEST(Adapter, AFolderWithoutOneIsRefused) {
  auto checkpoint = open_checkpoint(kBase);
  ASSERT_TRUE(checkpoint.ok());
  EXPECT_THAT(apply_adapter(*checkpoint, "docs").message(), HasSubstr("adapter_config.json"));
}

}  // namespace
}  // namespace puna

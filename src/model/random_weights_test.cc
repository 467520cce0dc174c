// Tests of the shapes and of the weights made for them.

#include "model/random_weights.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>

#include "model/llama_shapes.h"
#include "model/llama_tensors.h"

namespace puna {
namespace {

LlamaConfig shape(std::string_view name) {
  const auto config = find_llama_shape(name);
  EXPECT_TRUE(config.has_value()) << name;
  return config.value_or(LlamaConfig());
}

std::vector<float> rows(const WeightSource& weights, std::string_view name, int64_t first,
                        int64_t count) {
  std::vector<float> out(static_cast<size_t>(count * weights.find(name)->column_count()));
  const Status status = weights.read_rows(name, first, count, out);
  EXPECT_TRUE(status.ok()) << status.message();
  return out;
}

// The counts that the models' makers publish (safetensors of the repositories).
TEST(LlamaShapes, HaveTheParametersOfTheirModels) {
  EXPECT_EQ(shape("llama-2-7b").parameter_count(), 6'738'415'616);
  EXPECT_EQ(shape("llama-2-13b").parameter_count(), 13'015'864'320);
  EXPECT_EQ(shape("llama-2-70b").parameter_count(), 68'976'648'192);
  EXPECT_EQ(shape("llama-3-8b").parameter_count(), 8'030'261'248);
  EXPECT_EQ(shape("llama-3-70b").parameter_count(), 70'553'706'496);
  EXPECT_EQ(shape("llama-3.2-1b").parameter_count(), 1'235'814'400);
  EXPECT_EQ(shape("llama-3.2-3b").parameter_count(), 3'212'749'824);
  EXPECT_EQ(shape("tinyllama-1.1b").parameter_count(), 1'100'048'384);
  EXPECT_EQ(shape("smollm2-135m").parameter_count(), 134'515'008);
  EXPECT_EQ(shape("smollm2-360m").parameter_count(), 361'821'120);
  EXPECT_EQ(shape("smollm2-1.7b").parameter_count(), 1'711'376'384);
}

TEST(LlamaShapes, AreValidConfigsInOrderOfSize) {
  int64_t previous = 0;
  for (const std::string& name : llama_shape_names()) {
    const LlamaConfig config = shape(name);
    const Status status = validate(config, name);
    EXPECT_TRUE(status.ok()) << status.message();
    EXPECT_GE(config.parameter_count(), previous) << name;
    previous = config.parameter_count();
  }
  EXPECT_EQ(find_llama_shape("llama-9"), std::nullopt);
}

TEST(RandomWeights, AreTheTensorsOfTheConfig) {
  for (const char* name : {"smollm2-135m", "tinyllama-1.1b"}) {
    const LlamaConfig config = shape(name);
    const Status status = check_tensors(config, *random_weights(config, 1), name);
    EXPECT_TRUE(status.ok()) << status.message();
  }
}

TEST(RandomWeights, AreSpreadAroundZeroAsUntrainedLlamas) {
  const auto weights = random_weights(shape("tinyllama-1.1b"), 1);
  const auto values = rows(*weights, "model.layers.3.mlp.down_proj.weight", 0, 100);
  double sum = 0;
  double squares = 0;
  float largest = 0;
  for (const float value : values) {
    sum += static_cast<double>(value);
    squares += static_cast<double>(value) * static_cast<double>(value);
    largest = std::max(largest, std::abs(value));
  }
  const auto count = static_cast<double>(values.size());
  EXPECT_NEAR(sum / count, 0, 1e-4);  // deviation of the mean: 0.02 / sqrt(563200) = 2.7e-5
  EXPECT_NEAR(std::sqrt(squares / count), 0.02, 1e-4);
  EXPECT_LE(largest, 0.02F * std::sqrt(3.0F));
  EXPECT_THAT(rows(*weights, "model.norm.weight", 0, 1), testing::Each(1.0F));
}

TEST(RandomWeights, DoNotDependOnHowTheyAreRead) {
  const auto weights = random_weights(shape("smollm2-135m"), 7);
  const char* const name = "model.layers.0.self_attn.q_proj.weight";
  const auto all = rows(*weights, name, 0, 6);
  for (int64_t row = 0; row < 6; ++row) {
    const auto begin = all.begin() + row * 576;
    EXPECT_EQ(rows(*weights, name, row, 1), std::vector<float>(begin, begin + 576));
  }
  EXPECT_EQ(rows(*random_weights(shape("smollm2-135m"), 7), name, 0, 6), all);
}

TEST(RandomWeights, SeedsTensorsAndRowsDiffer) {
  const LlamaConfig config = shape("smollm2-135m");
  const auto weights = random_weights(config, 1);
  const auto one = rows(*weights, "model.layers.0.mlp.gate_proj.weight", 0, 2);
  EXPECT_NE(rows(*weights, "model.layers.1.mlp.gate_proj.weight", 0, 2), one);
  EXPECT_NE(rows(*random_weights(config, 2), "model.layers.0.mlp.gate_proj.weight", 0, 2), one);
  EXPECT_FALSE(std::equal(one.begin(), one.begin() + 576, one.begin() + 576));
}

TEST(RandomWeights, TellHowManyValuesWereRead) {
  std::atomic<int64_t> count = 0;
  const auto weights = random_weights(shape("smollm2-135m"), 1, [&](int64_t n) { count += n; });
  rows(*weights, "model.layers.0.self_attn.k_proj.weight", 3, 2);
  EXPECT_EQ(count, 2 * 576);
}

TEST(RandomWeights, RefuseRowsThatDoNotExist) {
  const auto weights = random_weights(shape("smollm2-135m"), 1);
  std::vector<float> out(576);
  EXPECT_EQ(weights->read_rows("model.norm.bias", 0, 1, out).code(), StatusCode::kNotFound);
  EXPECT_EQ(weights->read_rows("model.embed_tokens.weight", 49152, 1, out).code(),
            StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace puna

// Which degrees divide a model, and that the devices' shares are the whole model.

#include "stablehlo/tensor_parallel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "model/llama_shapes.h"
#include "model/llama_tensors.h"
#include "model/random_weights.h"
#include "stablehlo/weight_shards.h"

namespace puna::stablehlo {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

LlamaConfig shape_of(const char* name) {
  const auto config = find_llama_shape(name);
  EXPECT_TRUE(config.has_value()) << name;
  return config.value_or(LlamaConfig());
}

TEST(TensorParallel, DegreesDivideTheHeads) {
  EXPECT_THAT(valid_degrees(shape_of("llama-2-7b")), ElementsAre(1, 2, 4, 8, 16, 32));
  EXPECT_THAT(valid_degrees(shape_of("llama-2-13b")), ElementsAre(1, 2, 4, 5, 8, 10, 20, 40));
  // 8 KV heads: beyond them each is held by several devices.
  EXPECT_THAT(valid_degrees(shape_of("llama-2-70b")), ElementsAre(1, 2, 4, 8, 16, 32, 64));
}

TEST(TensorParallel, ARefusedDegreeNamesThoseThatAreNot) {
  const Status status = check_degree(shape_of("llama-2-13b"), 24);
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("24 does not divide 40 heads and 40 KV heads"));
  EXPECT_THAT(status.message(), HasSubstr("use one of 1, 2, 4, 5, 8, 10, 20, 40"));
  EXPECT_FALSE(check_degree(shape_of("llama-2-7b"), 0).ok());
  EXPECT_FALSE(check_degree(shape_of("llama-2-7b"), -2).ok());
}

TEST(TensorParallel, SeveralDevicesHoldOneKvHeadWhenThereAreMoreDevices) {
  const LlamaConfig config = shape_of("llama-2-70b");
  EXPECT_EQ(shard_sizes(config, 16).kv_heads, 1);
  EXPECT_EQ(first_kv_head(config, 16, 0), 0);
  EXPECT_EQ(first_kv_head(config, 16, 1), 0);
  EXPECT_EQ(first_kv_head(config, 16, 15), 7);
}

// A small model whose MLP and vocabulary no degree divides evenly.
LlamaConfig uneven_config() {
  LlamaConfig config;
  config.hidden_size = 24;
  config.intermediate_size = 37;
  config.num_hidden_layers = 1;
  config.num_attention_heads = 4;
  config.num_key_value_heads = 2;
  config.head_dim = 6;
  config.vocab_size = 41;
  config.max_position_embeddings = 128;
  config.attention_bias = true;
  config.mlp_bias = true;
  return config;
}

// Sum of squares of everything that the devices hold as `role`.
double energy_held(const WeightSource& source, const LlamaConfig& config, int degree,
                   const ProgramArgument& argument) {
  double energy = 0;
  for (int rank = 0; rank < degree; ++rank) {
    std::vector<float> values(static_cast<size_t>(element_count(argument.type)), NAN);
    const Status status = read_weight(source, config, degree, rank, argument, values);
    EXPECT_TRUE(status.ok()) << status.message();
    for (const float value : values) energy += static_cast<double>(value) * value;
  }
  return energy;
}

double energy_of(const WeightSource& source, const TensorInfo& tensor) {
  std::vector<float> values(static_cast<size_t>(tensor.row_count() * tensor.column_count()));
  EXPECT_TRUE(source.read_rows(tensor.name, 0, tensor.row_count(), values).ok());
  double energy = 0;
  for (const float value : values) energy += static_cast<double>(value) * value;
  return energy;
}

double energy_of_model(const WeightSource& source, const std::string& part) {
  double energy = 0;
  for (const TensorInfo* tensor : source.tensors()) {
    if (tensor->name.find(part) != std::string::npos) energy += energy_of(source, *tensor);
  }
  return energy;
}

TEST(WeightShards, DevicesTogetherHoldEveryWeightOnce) {
  const LlamaConfig config = uneven_config();
  const auto source = random_weights(config, 1);
  for (const int degree : {1, 2, 4}) {
    ProgramShape shape;
    shape.degree = degree;
    const auto program = emit_llama_step(config, shape, *find_platform_profile("cpu"));
    ASSERT_TRUE(program.ok()) << program.status().message();
    const auto expect_held = [&](ArgumentRole role, const std::vector<std::string>& parts) {
      double expected = 0;
      for (const std::string& part : parts) expected += energy_of_model(*source, part);
      ASSERT_GT(expected, 0);
      for (const ProgramArgument& argument : program->arguments) {
        if (argument.role != role) continue;
        EXPECT_NEAR(energy_held(*source, config, degree, argument), expected, 1e-6 * expected)
            << parts[0] << " on " << degree;
      }
    };
    expect_held(ArgumentRole::kEmbedding, {"embed_tokens"});
    expect_held(ArgumentRole::kOutput, {"o_proj.weight"});
    expect_held(ArgumentRole::kGateUp, {"gate_proj.weight", "up_proj.weight"});
    expect_held(ArgumentRole::kDown, {"down_proj.weight"});
    expect_held(ArgumentRole::kHead, {"lm_head"});
    if (degree <= config.num_key_value_heads) {
      expect_held(ArgumentRole::kQkv, {"q_proj.weight", "k_proj.weight", "v_proj.weight"});
    }
  }
}

TEST(ProgramShape, IsRefusedWithTheFieldThatDoesNotFit) {
  const LlamaConfig config = uneven_config();
  const auto refusal = [&](const char* profile, auto change) {
    ProgramShape shape;
    change(shape);
    const auto program = emit_llama_step(config, shape, *find_platform_profile(profile));
    return program.ok() ? std::string("accepted") : program.status().message();
  };
  EXPECT_THAT(refusal("cpu", [](auto& s) { s.sequences = 0; }), HasSubstr("sequences is 0"));
  EXPECT_THAT(refusal("cpu", [](auto& s) { s.tokens_per_sequence = 1 << 20; }),
              HasSubstr("tokens_per_sequence is 1048576"));
  EXPECT_THAT(refusal("cpu", [](auto& s) { s.table_blocks = 2; }), HasSubstr("table_blocks is 2"));
  EXPECT_THAT(refusal("cpu", [](auto& s) { s.logit_rows = 2; }), HasSubstr("logit_rows is 2"));
  EXPECT_THAT(refusal("cpu", [](auto& s) { s.degree = 3; }), HasSubstr("use one of 1, 2, 4"));
  EXPECT_THAT(refusal("cpu", [](auto& s) { s.kv = ElementType::kI32; }), HasSubstr("i32"));
  EXPECT_THAT(refusal("neuron", [](auto&) {}), HasSubstr("slot_blocks is 0"));
  EXPECT_THAT(refusal("neuron",
                      [](auto& s) {
                        s.sequences = 2;
                        s.slot_blocks = 3;
                        s.pool_blocks = 5;
                      }),
              HasSubstr("2 slots of 3 blocks need 6"));
  EXPECT_EQ(refusal("cpu", [](auto&) {}), "accepted");
}

}  // namespace
}  // namespace puna::stablehlo

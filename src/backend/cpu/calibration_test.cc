// The inputs that calibration hears, against the first layer's recomputed in double.

#include "backend/cpu/calibration.h"

#include <gtest/gtest.h>

#include <cmath>

#include "backend/cpu/packing_source.h"
#include "model/checkpoint.h"

namespace puna {
namespace {

constexpr const char* kGrouped = "tests/golden/llama/grouped_query_tied";

TEST(Calibration, HearsTheMeanSquareOfEveryChannelOfEveryLayer) {
  const auto checkpoint = open_checkpoint(kGrouped);
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status().message();
  const LlamaConfig& config = checkpoint->config;
  ThreadPool pool(2);
  PackingSource source(*checkpoint->weights, {.format = WeightFormat::kF32}, pool);
  const auto weights = load_cpu_weights(config, source);
  ASSERT_TRUE(weights.ok()) << weights.status().message();
  std::vector<TokenId> tokens;
  for (int i = 0; i < 700; ++i) tokens.push_back(i * 7 % config.vocab_size);  // two sequences
  const auto importance =
      measure_importance(config, *weights, kernels_for(Isa::kPortable), tokens, pool);
  ASSERT_TRUE(importance.ok()) << importance.status().message();
  EXPECT_EQ(importance->by_tensor.size(), 7 * static_cast<size_t>(config.num_hidden_layers));

  const auto size = static_cast<size_t>(config.hidden_size);
  std::vector<double> squares(size);
  std::vector<float> row(size);
  for (const TokenId token : tokens) {
    ASSERT_TRUE(checkpoint->weights->read_rows("model.embed_tokens.weight", token, 1, row).ok());
    double sum = 0;
    for (const float x : row) sum += static_cast<double>(x) * static_cast<double>(x);
    const double scale =
        1 / std::sqrt(sum / static_cast<double>(size) + static_cast<double>(config.rms_norm_eps));
    for (size_t i = 0; i < size; ++i) {
      const double x = static_cast<double>(row[i]) * scale *
                       static_cast<double>(weights->layers[0].input_norm[i]);
      squares[i] += x * x / static_cast<double>(tokens.size());
    }
  }
  const auto heard = importance->of("model.layers.0.self_attn.k_proj.weight");
  ASSERT_EQ(heard.size(), size);
  for (size_t i = 0; i < size; ++i) {
    EXPECT_NEAR(static_cast<double>(heard[i]), squares[i], 1e-5 * (1 + squares[i]));
  }
  EXPECT_EQ(importance->of("model.layers.0.mlp.down_proj.weight").size(),
            static_cast<size_t>(config.intermediate_size));
}

}  // namespace
}  // namespace puna

// From the config.json files of the models' repositories on the Hugging Face hub.

#include "model/llama_shapes.h"

#include <algorithm>

namespace puna {
namespace {

struct Shape {
  std::string_view name;
  int hidden_size;
  int intermediate_size;
  int num_hidden_layers;
  int num_attention_heads;
  int num_key_value_heads;
  int vocab_size;
  int max_position_embeddings;
  double rope_theta;
  bool tie_word_embeddings = false;
  double llama3_factor = 0;  // 0: plain RoPE
};

constexpr Shape kShapes[] = {
    {"smollm2-135m", 576, 1536, 30, 9, 3, 49152, 8192, 1e5, true},
    {"smollm2-360m", 960, 2560, 32, 15, 5, 49152, 8192, 1e5, true},
    {"tinyllama-1.1b", 2048, 5632, 22, 32, 4, 32000, 2048, 1e4},
    {"llama-3.2-1b", 2048, 8192, 16, 32, 8, 128256, 131072, 5e5, true, 32},
    {"smollm2-1.7b", 2048, 8192, 24, 32, 32, 49152, 8192, 1.3e5, true},
    {"llama-3.2-3b", 3072, 8192, 28, 24, 8, 128256, 131072, 5e5, true, 32},
    {"llama-2-7b", 4096, 11008, 32, 32, 32, 32000, 4096, 1e4},
    {"llama-3-8b", 4096, 14336, 32, 32, 8, 128256, 8192, 5e5},
    {"llama-3.1-8b", 4096, 14336, 32, 32, 8, 128256, 131072, 5e5, false, 8},
    {"llama-2-13b", 5120, 13824, 40, 40, 40, 32000, 4096, 1e4},
    {"llama-2-70b", 8192, 28672, 80, 64, 8, 32000, 4096, 1e4},
    {"llama-3-70b", 8192, 28672, 80, 64, 8, 128256, 8192, 5e5},
    {"llama-3.1-70b", 8192, 28672, 80, 64, 8, 128256, 131072, 5e5, false, 8},
};

LlamaConfig config_of(const Shape& shape) {
  LlamaConfig config;
  config.hidden_size = shape.hidden_size;
  config.intermediate_size = shape.intermediate_size;
  config.num_hidden_layers = shape.num_hidden_layers;
  config.num_attention_heads = shape.num_attention_heads;
  config.num_key_value_heads = shape.num_key_value_heads;
  config.head_dim = shape.hidden_size / shape.num_attention_heads;
  config.vocab_size = shape.vocab_size;
  config.max_position_embeddings = shape.max_position_embeddings;
  config.tie_word_embeddings = shape.tie_word_embeddings;
  config.rope.theta = shape.rope_theta;
  if (shape.llama3_factor > 0) {
    config.rope.type = RopeType::kLlama3;
    config.rope.factor = shape.llama3_factor;
  }
  return config;
}

}  // namespace

std::optional<LlamaConfig> find_llama_shape(std::string_view name) {
  const auto* const shape = std::find_if(std::begin(kShapes), std::end(kShapes),
                                         [&](const Shape& one) { return one.name == name; });
  if (shape == std::end(kShapes)) return std::nullopt;
  return config_of(*shape);
}

std::vector<std::string> llama_shape_names() {
  std::vector<std::string> names;
  for (const Shape& shape : kShapes) names.emplace_back(shape.name);
  return names;
}

}  // namespace puna

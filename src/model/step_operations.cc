// Doubles are exact far beyond what is counted here.

#include "model/step_operations.h"

namespace puna {

double layer_weight_count(const LlamaConfig& config) {
  const auto hidden = static_cast<double>(config.hidden_size);
  const auto query = static_cast<double>(config.num_attention_heads) * config.head_dim;
  const auto key_value = static_cast<double>(config.num_key_value_heads) * config.head_dim;
  const double attention = 2 * hidden * query + 2 * hidden * key_value;
  return config.num_hidden_layers * (attention + 3 * hidden * config.intermediate_size);
}

double head_weight_count(const LlamaConfig& config) {
  return static_cast<double>(config.hidden_size) * config.vocab_size;
}

double attention_operations(const LlamaConfig& config, double positions) {
  return 4.0 * config.num_hidden_layers * config.num_attention_heads * config.head_dim * positions;
}

}  // namespace puna

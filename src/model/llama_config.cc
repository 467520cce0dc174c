// The rules of LlamaConfig and the sums that follow from it; reading config.json is in
// llama_config_json.cc.

#include "model/llama_config.h"

#include <cmath>
#include <numbers>

namespace puna {
namespace {

Status check_range(std::string_view origin, std::string_view key, int64_t value, int64_t maximum) {
  if (value >= 1 && value <= maximum) return Status();
  return invalid_argument("{}: {} is {}, expected 1 to {}", origin, key, value, maximum);
}

Status check_positive(std::string_view origin, std::string_view key, double value) {
  if (std::isfinite(value) && value > 0) return Status();
  return invalid_argument("{}: {} is {}, expected a finite number above 0", origin, key, value);
}

Status validate(const RopeConfig& rope, int head_dim, std::string_view origin) {
  RETURN_IF_ERROR(check_positive(origin, "rope_theta", rope.theta));
  RETURN_IF_ERROR(check_positive(origin, "rope factor", rope.factor));
  if (rope.type == RopeType::kLlama3) {
    RETURN_IF_ERROR(check_positive(origin, "rope low_freq_factor", rope.low_freq_factor));
    RETURN_IF_ERROR(check_positive(origin, "rope high_freq_factor", rope.high_freq_factor));
    if (rope.high_freq_factor <= rope.low_freq_factor) {
      return invalid_argument("{}: rope high_freq_factor is {}, expected above low_freq_factor {}",
                              origin, rope.high_freq_factor, rope.low_freq_factor);
    }
    RETURN_IF_ERROR(check_range(origin, "rope original_max_position_embeddings",
                                rope.original_max_position_embeddings, kPositionsMax));
  }
  if (rope.type == RopeType::kFactors) {
    if (std::ssize(rope.frequency_factors) != head_dim / 2) {
      return invalid_argument("{}: {} rope factors, expected head_dim / 2 = {}", origin,
                              rope.frequency_factors.size(), head_dim / 2);
    }
    for (const float factor : rope.frequency_factors) {
      RETURN_IF_ERROR(check_positive(origin, "rope factor", static_cast<double>(factor)));
    }
  }
  return Status();
}

std::string describe(const RopeConfig& rope) {
  switch (rope.type) {
    case RopeType::kDefault:
      return fmt::format("rope theta {}", rope.theta);
    case RopeType::kLinear:
      return fmt::format("rope theta {} linear {}", rope.theta, rope.factor);
    case RopeType::kLlama3:
      return fmt::format("rope theta {} llama3 {}", rope.theta, rope.factor);
    case RopeType::kFactors:
      return fmt::format("rope theta {} with factors", rope.theta);
  }
  check_failed(__FILE__, __LINE__, "rope.type", "a RopeType that does not exist");
}

// The llama3 rule (transformers, _compute_llama3_parameters): long waves are stretched by `factor`,
// short ones kept, and those between are blended.
double llama3_frequency(const RopeConfig& rope, double frequency) {
  const double length = rope.original_max_position_embeddings;
  const double wave = 2 * std::numbers::pi / frequency;
  if (wave < length / rope.high_freq_factor) return frequency;
  if (wave > length / rope.low_freq_factor) return frequency / rope.factor;
  const double kept =
      (length / wave - rope.low_freq_factor) / (rope.high_freq_factor - rope.low_freq_factor);
  return (1 - kept) * frequency / rope.factor + kept * frequency;
}

}  // namespace

int64_t LlamaConfig::parameter_count() const {
  const int64_t hidden = hidden_size;
  const int64_t query = int64_t{num_attention_heads} * head_dim;
  const int64_t key_value = int64_t{num_key_value_heads} * head_dim;
  int64_t layer = 2 * hidden * query + 2 * hidden * key_value + 3 * hidden * intermediate_size;
  layer += 2 * hidden;  // the two norms
  if (attention_bias) layer += query + 2 * key_value + hidden;
  if (mlp_bias) layer += 2 * int64_t{intermediate_size} + hidden;
  const int64_t embedding = hidden * vocab_size;
  return (tie_word_embeddings ? 1 : 2) * embedding + num_hidden_layers * layer + hidden;
}

Status validate(const LlamaConfig& config, std::string_view origin) {
  const LlamaConfig& c = config;
  RETURN_IF_ERROR(check_range(origin, "hidden_size", c.hidden_size, kHiddenSizeMax));
  RETURN_IF_ERROR(
      check_range(origin, "intermediate_size", c.intermediate_size, kIntermediateSizeMax));
  RETURN_IF_ERROR(check_range(origin, "num_hidden_layers", c.num_hidden_layers, kLayersMax));
  RETURN_IF_ERROR(check_range(origin, "num_attention_heads", c.num_attention_heads, kHeadsMax));
  RETURN_IF_ERROR(
      check_range(origin, "num_key_value_heads", c.num_key_value_heads, c.num_attention_heads));
  if (c.num_attention_heads % c.num_key_value_heads != 0) {
    return invalid_argument(
        "{}: num_attention_heads {} is not a multiple of num_key_value_heads {}", origin,
        c.num_attention_heads, c.num_key_value_heads);
  }
  RETURN_IF_ERROR(check_range(origin, "head_dim", c.head_dim, kHeadDimMax));
  if (c.head_dim % 2 != 0) {
    return invalid_argument("{}: head_dim is {}, expected an even number (RoPE rotates pairs)",
                            origin, c.head_dim);
  }
  RETURN_IF_ERROR(check_range(origin, "vocab_size", c.vocab_size, kVocabularySizeMax));
  RETURN_IF_ERROR(
      check_range(origin, "max_position_embeddings", c.max_position_embeddings, kPositionsMax));
  RETURN_IF_ERROR(check_positive(origin, "rms_norm_eps", static_cast<double>(c.rms_norm_eps)));
  RETURN_IF_ERROR(validate(c.rope, c.head_dim, origin));
  for (const TokenId id : c.eos_token_ids) {
    if (id < 0 || id >= c.vocab_size) {
      return invalid_argument("{}: eos_token_id {} is outside the vocabulary of {}", origin, id,
                              c.vocab_size);
    }
  }
  if (c.bos_token_id && (*c.bos_token_id < 0 || *c.bos_token_id >= c.vocab_size)) {
    return invalid_argument("{}: bos_token_id {} is outside the vocabulary of {}", origin,
                            *c.bos_token_id, c.vocab_size);
  }
  return Status();
}

std::string describe(const LlamaConfig& config) {
  return fmt::format(
      "llama: {} layers, hidden {}, {} heads, {} kv heads, head {}, ffn {}, vocabulary {}{}, "
      "context {}, {}{}{}",
      config.num_hidden_layers, config.hidden_size, config.num_attention_heads,
      config.num_key_value_heads, config.head_dim, config.intermediate_size, config.vocab_size,
      config.tie_word_embeddings ? " (tied)" : "", config.max_position_embeddings,
      describe(config.rope), config.attention_bias ? ", attention bias" : "",
      config.mlp_bias ? ", mlp bias" : "");
}

std::vector<float> rope_inverse_frequencies(const RopeConfig& rope, int head_dim) {
  std::vector<float> frequencies;
  for (int pair = 0; pair < head_dim / 2; ++pair) {
    double frequency = 1.0 / std::pow(rope.theta, 2.0 * pair / head_dim);
    switch (rope.type) {
      case RopeType::kDefault:
        break;
      case RopeType::kLinear:
        frequency /= rope.factor;
        break;
      case RopeType::kLlama3:
        frequency = llama3_frequency(rope, frequency);
        break;
      case RopeType::kFactors:
        frequency /= static_cast<double>(rope.frequency_factors[static_cast<size_t>(pair)]);
        break;
    }
    frequencies.push_back(static_cast<float>(frequency));
  }
  return frequencies;
}

}  // namespace puna

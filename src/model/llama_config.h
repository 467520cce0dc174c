// LlamaConfig: the shape of a Llama, in Hugging Face's words, checked once when it is read.
//
// Everything behind it may trust that sizes are positive, divisible and within the limits below.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"

namespace puna {

using TokenId = int32_t;

inline constexpr int kLayersMax = 512;
inline constexpr int kHiddenSizeMax = 65536;
inline constexpr int kVocabularySizeMax = 1 << 22;

enum class RopeType { kDefault, kLinear, kLlama3 };

struct RopeConfig {
  RopeType type = RopeType::kDefault;
  double theta = 10000.0;
  double factor = 1.0;  // linear and llama3
  double low_freq_factor = 1.0;  // the last three: llama3 only
  double high_freq_factor = 4.0;
  int original_max_position_embeddings = 8192;
};

struct LlamaConfig {
  int hidden_size = 0;
  int intermediate_size = 0;
  int num_hidden_layers = 0;
  int num_attention_heads = 0;
  int num_key_value_heads = 0;
  int head_dim = 0;
  int vocab_size = 0;  // rows of the embedding; ids above the tokenizer's are padding
  int max_position_embeddings = 0;
  float rms_norm_eps = 1e-5f;
  bool tie_word_embeddings = false;
  bool attention_bias = false;  // biases on q, k, v and o
  bool mlp_bias = false;        // biases on gate, up and down
  RopeConfig rope;
  std::vector<TokenId> eos_token_ids;
  std::optional<TokenId> bos_token_id;

  int64_t parameter_count() const;
  // Bytes of K and V for one position over all layers, with `bytes_per_value` each.
  int64_t kv_bytes_per_token(int bytes_per_value) const;
};

// Checks every rule above; `origin` (a file name) begins the message.
Status validate(const LlamaConfig& config, std::string_view origin);

std::string describe(const LlamaConfig& config);

}  // namespace puna

// LlamaConfig: the shape of a Llama, in Hugging Face's words, checked once when it is read.
//
// Everything behind it may trust that sizes are positive, divisible and within the limits below.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace puna {

using TokenId = int32_t;

inline constexpr int kLayersMax = 512;
inline constexpr int kHiddenSizeMax = 65536;
inline constexpr int kVocabularySizeMax = 1 << 22;
inline constexpr int kIntermediateSizeMax = 1 << 20;
inline constexpr int kHeadsMax = 4096;
inline constexpr int kHeadDimMax = 1024;
inline constexpr int kPositionsMax = 1 << 28;
inline constexpr int kEosTokensMax = 64;

// kFactors: one divisor per frequency, as llama.cpp writes llama3 scaling into GGUF files.
enum class RopeType { kDefault, kLinear, kLlama3, kFactors };

struct RopeConfig {
  RopeType type = RopeType::kDefault;
  double theta = 10000.0;
  double factor = 1.0;           // linear and llama3
  double low_freq_factor = 1.0;  // the last three: llama3 only
  double high_freq_factor = 4.0;
  int original_max_position_embeddings = 8192;
  std::vector<float> frequency_factors;  // kFactors only: [head_dim / 2], each divides a frequency
};

// What files write for "there is no such token": -1, also as 32 bits without a sign.
inline bool is_no_token(int64_t id) { return id == -1 || id == 0xFFFFFFFF; }

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
};

// Checks every rule above; `origin` (a file name) begins the message.
Status validate(const LlamaConfig& config, std::string_view origin);

std::string describe(const LlamaConfig& config);

// Radians per position of each rotated pair, every RoPE variant applied; f32 as Hugging Face has
// it.
std::vector<float> rope_inverse_frequencies(const RopeConfig& rope,
                                            int head_dim);  // [head_dim / 2]

// Reads the text of a config.json; `origin` (a file name) begins every message. Refuses what is not
// a plain LlamaForCausalLM, with the key, its value and what to do.
Result<LlamaConfig> parse_llama_config(std::string_view json_text, std::string_view origin);

}  // namespace puna

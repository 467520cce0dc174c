// LlamaConfig out of GGUF metadata ("llama.…" keys) and of the tensors that stand for a setting.

#include <algorithm>

#include "base/log.h"
#include "model/dequantize.h"
#include "model/gguf_llama.h"

namespace puna {
namespace {

const GgufTensor* find_tensor(const GgufFile& file, std::string_view name) {
  const auto found = std::ranges::find_if(
      file.tensors(), [&](const GgufTensor& tensor) { return tensor.info.name == name; });
  return found == file.tensors().end() ? nullptr : &*found;
}

Status read_int(const GgufFile& file, std::string_view key, std::optional<int> fallback, int& out) {
  if (fallback && !file.has(key)) {
    out = *fallback;
    return Status();
  }
  ASSIGN_OR_RETURN(const int64_t value, file.get_integer(key));
  if (!std::in_range<int>(value)) {
    return invalid_argument("{}: {} is {}, which is too large", file.origin(), key, value);
  }
  out = static_cast<int>(value);
  return Status();
}

Result<double> float_or(const GgufFile& file, std::string_view key, double fallback) {
  if (!file.has(key)) return fallback;
  return file.get_float(key);
}

// Keys that would change the sums in a way that Puna does not know.
Status check_kind(const GgufFile& file) {
  ASSIGN_OR_RETURN(const std::string architecture, file.get_string("general.architecture"));
  if (architecture != "llama") {
    return invalid_argument("{}: architecture \"{}\" is not supported, only \"llama\" is",
                            file.origin(), architecture);
  }
  int experts = 0;
  RETURN_IF_ERROR(read_int(file, "llama.expert_count", 0, experts));
  if (experts != 0) {
    return invalid_argument("{}: a mixture of {} experts is not supported, only plain Llama is",
                            file.origin(), experts);
  }
  int parts = 1;
  RETURN_IF_ERROR(read_int(file, "split.count", 1, parts));
  if (parts > 1) {
    return invalid_argument("{}: one of {} parts: join them with llama-gguf-split --merge",
                            file.origin(), parts);
  }
  return Status();
}

Status read_head_dim(const GgufFile& file, LlamaConfig& config) {
  if (config.num_attention_heads < 1) {
    return invalid_argument("{}: llama.attention.head_count is {}, expected at least 1",
                            file.origin(), config.num_attention_heads);
  }
  const int fallback = config.hidden_size / config.num_attention_heads;
  RETURN_IF_ERROR(read_int(file, "llama.attention.key_length", fallback, config.head_dim));
  for (const std::string_view key :
       {"llama.attention.value_length", "llama.rope.dimension_count"}) {
    int size = 0;
    RETURN_IF_ERROR(read_int(file, key, config.head_dim, size));
    if (size != config.head_dim) {
      return invalid_argument("{}: {} is {}, expected the head size {}", file.origin(), key, size,
                              config.head_dim);
    }
  }
  return Status();
}

Status read_rope(const GgufFile& file, RopeConfig& rope) {
  ASSIGN_OR_RETURN(rope.theta, float_or(file, "llama.rope.freq_base", 10000.0));
  if (const GgufTensor* factors = find_tensor(file, "rope_freqs.weight")) {
    if (factors->info.shape.size() != 1 || factors->info.type != TensorType::kF32) {
      return invalid_argument("{}: rope_freqs.weight must be a vector of F32", file.origin());
    }
    rope.type = RopeType::kFactors;
    rope.frequency_factors.resize(factors->bytes.size() / sizeof(float));
    dequantize(TensorType::kF32, factors->bytes, rope.frequency_factors);
  }
  ASSIGN_OR_RETURN(double factor, float_or(file, "llama.rope.scale_linear", 1.0));
  ASSIGN_OR_RETURN(factor, float_or(file, "llama.rope.scaling.factor", factor));
  std::string type = factor == 1.0 ? "none" : "linear";
  if (file.has("llama.rope.scaling.type")) {
    ASSIGN_OR_RETURN(type, file.get_string("llama.rope.scaling.type"));
  }
  if (type == "none") return Status();
  if (type != "linear" || rope.type == RopeType::kFactors) {
    return invalid_argument(
        "{}: llama.rope.scaling.type is \"{}\"{}, supported are none, linear "
        "and the factors of rope_freqs.weight alone",
        file.origin(), type, rope.type == RopeType::kFactors ? " beside rope_freqs.weight" : "");
  }
  rope.type = RopeType::kLinear;
  rope.factor = factor;
  return Status();
}

// Empty, with a warning, where the file says "none".
Result<std::optional<TokenId>> read_token_id(const GgufFile& file, std::string_view key) {
  if (!file.has(key)) return std::optional<TokenId>();
  ASSIGN_OR_RETURN(const int64_t stored, file.get_integer(key));
  if (is_no_token(stored)) {
    log_warning("{}: {} {} is taken as none", file.origin(), key, stored);
    return std::optional<TokenId>();
  }
  int id = 0;
  RETURN_IF_ERROR(read_int(file, key, {}, id));
  return std::optional<TokenId>(id);
}

// The ids that end an answer: end of text, of turn and of message. Ids outside the vocabulary are
// refused by validate().
Status read_token_ids(const GgufFile& file, LlamaConfig& config) {
  for (const std::string_view key : {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id",
                                     "tokenizer.ggml.eom_token_id"}) {
    ASSIGN_OR_RETURN(const auto id, read_token_id(file, key));
    if (id && std::ranges::count(config.eos_token_ids, *id) == 0) {
      config.eos_token_ids.push_back(*id);
    }
  }
  ASSIGN_OR_RETURN(config.bos_token_id, read_token_id(file, "tokenizer.ggml.bos_token_id"));
  return Status();
}

}  // namespace

Result<LlamaConfig> llama_config_from_gguf(const GgufFile& file) {
  RETURN_IF_ERROR(check_kind(file));
  LlamaConfig config;
  RETURN_IF_ERROR(read_int(file, "llama.block_count", {}, config.num_hidden_layers));
  RETURN_IF_ERROR(read_int(file, "llama.embedding_length", {}, config.hidden_size));
  RETURN_IF_ERROR(read_int(file, "llama.feed_forward_length", {}, config.intermediate_size));
  RETURN_IF_ERROR(read_int(file, "llama.context_length", {}, config.max_position_embeddings));
  RETURN_IF_ERROR(read_int(file, "llama.attention.head_count", {}, config.num_attention_heads));
  RETURN_IF_ERROR(read_int(file, "llama.attention.head_count_kv", config.num_attention_heads,
                           config.num_key_value_heads));
  RETURN_IF_ERROR(read_head_dim(file, config));
  ASSIGN_OR_RETURN(const double epsilon, file.get_float("llama.attention.layer_norm_rms_epsilon"));
  config.rms_norm_eps = static_cast<float>(epsilon);
  RETURN_IF_ERROR(read_rope(file, config.rope));
  const GgufTensor* embedding = find_tensor(file, "token_embd.weight");
  if (embedding == nullptr) {
    return invalid_argument("{}: tensor token_embd.weight is missing", file.origin());
  }
  if (embedding->info.row_count() > kVocabularySizeMax) {
    return invalid_argument("{}: a vocabulary of {}, above the limit of {}", file.origin(),
                            embedding->info.row_count(), kVocabularySizeMax);
  }
  config.vocab_size = static_cast<int>(embedding->info.row_count());
  config.tie_word_embeddings = find_tensor(file, "output.weight") == nullptr;
  config.attention_bias = find_tensor(file, "blk.0.attn_q.bias") != nullptr;
  config.mlp_bias = find_tensor(file, "blk.0.ffn_up.bias") != nullptr;
  RETURN_IF_ERROR(read_token_ids(file, config));
  RETURN_IF_ERROR(validate(config, file.origin()));
  return config;
}

}  // namespace puna

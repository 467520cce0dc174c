// config.json to LlamaConfig, in both spellings that Hugging Face has used for RoPE.
//
// Defaults are those of transformers' LlamaConfig, except that the sizes of the model must be
// there.

#include <algorithm>

#include "base/log.h"
#include "model/config_object.h"
#include "model/llama_config.h"

namespace puna {
namespace {

constexpr std::string_view kArchitecture = "LlamaForCausalLM";
constexpr int64_t kLlama3VocabularySize = 128000;

// Other architectures would compute nonsense. Code of the repository is never run; beside an
// architecture that Puna knows it is not needed.
Status check_architecture(const ConfigObject& config) {
  ASSIGN_OR_RETURN(const auto architectures, config.get_strings("architectures"));
  ASSIGN_OR_RETURN(const auto model_type, config.get_string("model_type"));
  const bool named = architectures && !architectures->empty();
  const bool is_llama = named ? std::ranges::count(*architectures, kArchitecture) > 0
                              : model_type.value_or("") == "llama";
  const bool has_code = config.find("auto_map") != nullptr;
  if (is_llama && has_code) {
    log_info("{}: auto_map is ignored: code of a repository is never run, and {} needs none",
             config.origin(), kArchitecture);
  }
  if (!is_llama && has_code) {
    return invalid_argument(
        "{}: auto_map asks for Python code of the model's repository, which Puna never runs: use a "
        "checkpoint of the plain {} architecture",
        config.origin(), kArchitecture);
  }
  if (!is_llama) {
    return config.refuse(named || !model_type ? "architectures" : "model_type",
                         fmt::format("one that Puna supports: {}", kArchitecture));
  }
  ASSIGN_OR_RETURN(const auto activation, config.get_string("hidden_act"));
  if (activation && *activation != "silu") return config.refuse("hidden_act", "\"silu\"");
  return Status();
}

// A required or defaulted size that fits an int.
Status read_size(const ConfigObject& config, std::string_view key, int64_t maximum,
                 std::optional<int> fallback, int& out) {
  ASSIGN_OR_RETURN(const auto value, config.get_integer(key, 1, maximum));
  if (!value && !fallback) return config.missing(key);
  out = value ? static_cast<int>(*value) : *fallback;
  return Status();
}

Status read_sizes(const ConfigObject& config, LlamaConfig& out) {
  RETURN_IF_ERROR(read_size(config, "hidden_size", kHiddenSizeMax, {}, out.hidden_size));
  RETURN_IF_ERROR(
      read_size(config, "intermediate_size", kIntermediateSizeMax, {}, out.intermediate_size));
  RETURN_IF_ERROR(read_size(config, "num_hidden_layers", kLayersMax, {}, out.num_hidden_layers));
  RETURN_IF_ERROR(read_size(config, "num_attention_heads", kHeadsMax, {}, out.num_attention_heads));
  RETURN_IF_ERROR(read_size(config, "num_key_value_heads", kHeadsMax, out.num_attention_heads,
                            out.num_key_value_heads));
  RETURN_IF_ERROR(read_size(config, "vocab_size", kVocabularySizeMax, {}, out.vocab_size));
  if (config.find("head_dim") == nullptr && out.hidden_size % out.num_attention_heads != 0) {
    return config.refuse("hidden_size", fmt::format("a multiple of num_attention_heads {} (or "
                                                    "a head_dim)",
                                                    out.num_attention_heads));
  }
  RETURN_IF_ERROR(read_size(config, "head_dim", kHeadDimMax,
                            std::max(1, out.hidden_size / out.num_attention_heads), out.head_dim));
  ASSIGN_OR_RETURN(const auto positions,
                   config.get_integer("max_position_embeddings", 1, INT64_MAX));
  out.max_position_embeddings =
      static_cast<int>(std::min<int64_t>(positions.value_or(2048), kPositionsMax));
  if (positions.value_or(0) > kPositionsMax) {
    log_warning("{}: max_position_embeddings {} is lowered to {}", config.origin(), *positions,
                kPositionsMax);
  }
  return Status();
}

Status read_switches(const ConfigObject& config, LlamaConfig& out) {
  ASSIGN_OR_RETURN(const auto epsilon, config.get_number("rms_norm_eps"));
  out.rms_norm_eps = static_cast<float>(epsilon.value_or(1e-6));
  ASSIGN_OR_RETURN(const auto tied, config.get_bool("tie_word_embeddings"));
  out.tie_word_embeddings = tied.value_or(false);
  ASSIGN_OR_RETURN(const auto attention_bias, config.get_bool("attention_bias"));
  out.attention_bias = attention_bias.value_or(false);
  ASSIGN_OR_RETURN(const auto mlp_bias, config.get_bool("mlp_bias"));
  out.mlp_bias = mlp_bias.value_or(false);
  return Status();
}

Status read_llama3_rope(const ConfigObject& rope, RopeConfig& out) {
  ASSIGN_OR_RETURN(const auto low, rope.get_number("low_freq_factor"));
  ASSIGN_OR_RETURN(const auto high, rope.get_number("high_freq_factor"));
  ASSIGN_OR_RETURN(const auto length,
                   rope.get_integer("original_max_position_embeddings", 1, kPositionsMax));
  if (!low) return rope.missing("low_freq_factor");
  if (!high) return rope.missing("high_freq_factor");
  if (!length) return rope.missing("original_max_position_embeddings");
  out.low_freq_factor = *low;
  out.high_freq_factor = *high;
  out.original_max_position_embeddings = static_cast<int>(*length);
  return Status();
}

// The object is `rope_scaling` (with "type" or "rope_type") or `rope_parameters` (since
// transformers 5, which holds rope_theta too).
Status read_rope_object(const ConfigObject& rope, RopeConfig& out) {
  ASSIGN_OR_RETURN(auto type, rope.get_string("rope_type"));
  std::string_view type_key = "rope_type";
  if (!type) {
    ASSIGN_OR_RETURN(type, rope.get_string("type"));
    type_key = "type";
  }
  const std::string name = type.value_or("default");
  ASSIGN_OR_RETURN(const auto rotated, rope.get_number("partial_rotary_factor"));
  if (rotated && *rotated != 1.0) return rope.refuse("partial_rotary_factor", "1");
  if (name == "default") return Status();
  if (name != "linear" && name != "llama3") {
    return rope.refuse(type_key, "\"default\", \"linear\" or \"llama3\"");
  }
  out.type = name == "linear" ? RopeType::kLinear : RopeType::kLlama3;
  ASSIGN_OR_RETURN(const auto factor, rope.get_number("factor"));
  if (!factor) return rope.missing("factor");
  out.factor = *factor;
  return out.type == RopeType::kLlama3 ? read_llama3_rope(rope, out) : Status();
}

Status read_rope(const ConfigObject& config, int vocab_size, RopeConfig& out) {
  ASSIGN_OR_RETURN(const auto scaling, config.get_object("rope_scaling"));
  ASSIGN_OR_RETURN(const auto parameters, config.get_object("rope_parameters"));
  ASSIGN_OR_RETURN(const auto old_theta, config.get_number("rope_theta"));
  std::optional<double> theta = old_theta;
  if (scaling) RETURN_IF_ERROR(read_rope_object(*scaling, out));
  if (parameters) {
    RopeConfig read;
    RETURN_IF_ERROR(read_rope_object(*parameters, read));
    ASSIGN_OR_RETURN(theta, parameters->get_number("rope_theta"));
    if (theta && old_theta && *theta != *old_theta) {
      return config.refuse(
          "rope_theta", fmt::format("the same as rope_parameters.rope_theta, which is {}", *theta));
    }
    if (scaling && (read.type != out.type || read.factor != out.factor)) {
      return config.refuse("rope_scaling", "the same as rope_parameters");
    }
    if (!theta) theta = old_theta;
    out = read;
  }
  // A Llama 3 with the default base of 10000 would answer nonsense without any error.
  if (!theta && (out.type == RopeType::kLlama3 || vocab_size >= kLlama3VocabularySize)) {
    return invalid_argument(
        "{}: neither rope_theta nor rope_parameters.rope_theta is there, and a Llama 3 needs it "
        "(500000 for Meta's)",
        config.origin());
  }
  out.theta = theta.value_or(10000.0);
  return Status();
}

// A number or a list of numbers; those that stand for "none" are left out, with a warning.
Result<std::vector<TokenId>> read_ids(const ConfigObject& config, std::string_view key,
                                      int vocab_size) {
  std::vector<TokenId> ids;
  const Json* value = config.find(key);
  if (value == nullptr) return ids;
  const Json list = value->is_array() ? *value : Json::array({*value});
  const std::string wanted =
      fmt::format("up to {} token ids from 0 to {}", kEosTokensMax, vocab_size - 1);
  if (list.size() > static_cast<size_t>(kEosTokensMax)) return config.refuse(key, wanted);
  for (const Json& id : list) {
    const bool is_integer = id.is_number_integer();
    if (is_integer && is_no_token(id.get<int64_t>())) {
      log_warning("{}: {} {} is taken as none", config.origin(), key, id.get<int64_t>());
      continue;
    }
    if (!is_integer || id.get<int64_t>() < 0 || id.get<int64_t>() >= vocab_size) {
      return config.refuse(key, wanted);
    }
    ids.push_back(id.get<TokenId>());
  }
  return ids;
}

Status read_token_ids(const ConfigObject& config, LlamaConfig& out) {
  ASSIGN_OR_RETURN(const auto bos, read_ids(config, "bos_token_id", out.vocab_size));
  if (!bos.empty()) out.bos_token_id = bos.front();
  ASSIGN_OR_RETURN(out.eos_token_ids, read_ids(config, "eos_token_id", out.vocab_size));
  return Status();
}

}  // namespace

Result<LlamaConfig> parse_llama_config(std::string_view json_text, std::string_view origin) {
  ASSIGN_OR_RETURN(const Json document, parse_config_object(json_text, origin));
  const ConfigObject object(document, std::string(origin));
  RETURN_IF_ERROR(check_architecture(object));
  LlamaConfig config;
  RETURN_IF_ERROR(read_sizes(object, config));
  RETURN_IF_ERROR(read_switches(object, config));
  RETURN_IF_ERROR(read_rope(object, config.vocab_size, config.rope));
  RETURN_IF_ERROR(read_token_ids(object, config));
  RETURN_IF_ERROR(validate(config, origin));
  return config;
}

}  // namespace puna

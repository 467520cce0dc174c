// A checkpoint's summary as a table for people and as JSON for scripts.

#include "model/inspect.h"

#include <fmt/ranges.h>

#include "base/bytes.h"
#include "model/model_folder.h"
#include "model/model_sizes.h"

namespace puna {
namespace {

constexpr WeightFormat kFormats[] = {WeightFormat::kF32, WeightFormat::kBf16, WeightFormat::kInt8,
                                     WeightFormat::kInt4};

std::map<WeightFormat, int64_t> held_bytes(const Checkpoint& checkpoint) {
  std::map<WeightFormat, int64_t> bytes;
  for (const WeightFormat format : kFormats) {
    bytes[format] =
        weight_sizes(checkpoint.config, *checkpoint.weights, format, default_weight_group(format))
            .bytes;
  }
  return bytes;
}

std::string held_text(const std::map<WeightFormat, int64_t>& bytes) {
  std::vector<std::string> texts;
  for (const auto& [format, size] : bytes) {
    texts.push_back(fmt::format("{} as {}", describe_bytes(size), describe(format)));
  }
  return fmt::format("{}", fmt::join(texts, ", "));
}

std::string count_text(int64_t count) {
  const auto value = static_cast<double>(count);
  return value >= 1e9 ? fmt::format("{:.2f} billion", value / 1e9)
                      : fmt::format("{:.1f} million", value / 1e6);
}

std::string template_text(const CheckpointSummary& summary, std::string_view chat_format) {
  if (!summary.has_chat_template) return "none (choose one with --chat-template)";
  return chat_format.empty() ? "in the checkpoint"
                             : fmt::format("{} (in the checkpoint)", chat_format);
}

std::string_view rope_name(RopeType type) {
  switch (type) {
    case RopeType::kDefault:
      return "default";
    case RopeType::kLinear:
      return "linear";
    case RopeType::kLlama3:
      return "llama3";
    case RopeType::kFactors:
      return "factors";
  }
  check_failed(__FILE__, __LINE__, "type", "a RopeType that does not exist");
}

OrderedJson config_json(const LlamaConfig& config) {
  OrderedJson json;
  json["hidden_size"] = config.hidden_size;
  json["intermediate_size"] = config.intermediate_size;
  json["num_hidden_layers"] = config.num_hidden_layers;
  json["num_attention_heads"] = config.num_attention_heads;
  json["num_key_value_heads"] = config.num_key_value_heads;
  json["head_dim"] = config.head_dim;
  json["vocab_size"] = config.vocab_size;
  json["max_position_embeddings"] = config.max_position_embeddings;
  json["rms_norm_eps"] = static_cast<double>(config.rms_norm_eps);
  json["tie_word_embeddings"] = config.tie_word_embeddings;
  json["attention_bias"] = config.attention_bias;
  json["mlp_bias"] = config.mlp_bias;
  json["rope_theta"] = config.rope.theta;
  json["rope_type"] = rope_name(config.rope.type);
  return json;
}

// null when no quantization_config describes the weights.
OrderedJson quantisation_json(const std::optional<QuantisationConfig>& quantisation) {
  if (!quantisation) return OrderedJson();
  return {{"method", describe(quantisation->packing)},
          {"bits", 4},
          {"group_size", quantisation->group_size}};
}

}  // namespace

CheckpointSummary summarize(const Checkpoint& checkpoint) {
  CheckpointSummary summary;
  summary.name = checkpoint.name;
  summary.path = checkpoint.path.string();
  summary.format = checkpoint.format;
  summary.config = checkpoint.config;
  summary.quantisation = checkpoint.quantisation;
  summary.parameter_count = checkpoint.config.parameter_count();
  summary.stored_bytes = checkpoint.weight_bytes;
  for (const TensorInfo* tensor : checkpoint.weights->tensors()) {
    ++summary.tensor_counts[std::string(describe(tensor->type))];
  }
  summary.has_chat_template = !checkpoint.chat_template.empty();
  summary.adapters = checkpoint.adapters;
  summary.weight_bytes = held_bytes(checkpoint);
  summary.kv_bytes_per_1000_tokens =
      1000 * kv_block_bytes(checkpoint.config, KvCacheType::kBf16) / kKvBlockPositions;
  return summary;
}

std::string describe(const CheckpointSummary& summary, const TextSummary& text_summary) {
  std::vector<std::string> types;
  for (const auto& [type, count] : summary.tensor_counts) {
    types.push_back(fmt::format("{} {}", count, type));
  }
  std::string text;
  const auto line = [&](std::string_view label, const std::string& value) {
    text += fmt::format("{:<14}{}\n", label, value);
  };
  line("model", printable_name(summary.name));
  line("path", summary.path);
  line("architecture", describe(summary.config));
  line("parameters", count_text(summary.parameter_count));
  line("stored", fmt::format("{} {} ({})", describe_bytes(summary.stored_bytes), summary.format,
                             fmt::join(types, ", ")));
  if (summary.quantisation) line("quantised", describe(*summary.quantisation));
  line("tokenizer", text_summary.tokenizer);
  line("chat template", template_text(summary, text_summary.chat_format));
  line("answers end", text_summary.end_tokens);
  line("weights", held_text(summary.weight_bytes));
  line("kv cache",
       fmt::format("{} per 1,000 tokens (bf16)", describe_bytes(summary.kv_bytes_per_1000_tokens)));
  for (const AdapterInfo& adapter : summary.adapters) {
    line("adapter",
         fmt::format("{}: rank {}, scale {}, {} parameters, merged", printable_name(adapter.name),
                     adapter.rank, adapter.scale, count_text(adapter.parameter_count)));
  }
  return text;
}

OrderedJson to_json(const CheckpointSummary& summary, const TextSummary& text) {
  OrderedJson json;
  json["name"] = summary.name;
  json["path"] = summary.path;
  json["format"] = summary.format;
  json["architecture"] = "LlamaForCausalLM";
  json["config"] = config_json(summary.config);
  json["config"]["eos_token_ids"] = text.end_token_ids;
  json["parameter_count"] = summary.parameter_count;
  json["stored_bytes"] = summary.stored_bytes;
  json["tensor_counts"] = summary.tensor_counts;
  json["quantization"] = quantisation_json(summary.quantisation);
  json["tokenizer"] = text.tokenizer;
  json["has_chat_template"] = summary.has_chat_template;
  json["chat_format"] = text.chat_format.empty() ? OrderedJson() : OrderedJson(text.chat_format);
  for (const auto& [format, bytes] : summary.weight_bytes) {
    json["weight_bytes"][std::string(describe(format))] = bytes;
  }
  json["kv_bytes_per_1000_tokens"] = summary.kv_bytes_per_1000_tokens;
  json["adapters"] = OrderedJson::array();
  for (const AdapterInfo& adapter : summary.adapters) {
    json["adapters"].push_back({{"name", adapter.name},
                                {"path", adapter.path.string()},
                                {"rank", adapter.rank},
                                {"scale", adapter.scale},
                                {"parameter_count", adapter.parameter_count}});
  }
  return json;
}

}  // namespace puna

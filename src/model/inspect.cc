// A checkpoint's summary as a table for people and as JSON for scripts.

#include "model/inspect.h"

#include <fmt/ranges.h>

#include "model/model_folder.h"

namespace puna {
namespace {

// int8: one byte per value of a matrix and an f32 scale per row of it (an estimate to a few
// percent: a backend may keep more scales); vectors stay f32.
struct WeightBytes {
  int64_t f32 = 0;
  int64_t bf16 = 0;
  int64_t int8 = 0;
};

WeightBytes held_bytes(const Checkpoint& checkpoint) {
  WeightBytes bytes;
  for (const TensorInfo* tensor : checkpoint.weights->tensors()) {
    if (tensor->name == "lm_head.weight" && checkpoint.config.tie_word_embeddings) continue;
    const int64_t rows = tensor->row_count();
    const int64_t values = rows * tensor->column_count();
    const bool is_matrix = tensor->shape.size() == 2;
    bytes.f32 += 4 * values;
    bytes.bf16 += is_matrix ? 2 * values : 4 * values;
    bytes.int8 += is_matrix ? values + 4 * rows : 4 * values;
  }
  return bytes;
}

std::string bytes_text(int64_t bytes) {
  const auto value = static_cast<double>(bytes);
  if (value >= 1e9) return fmt::format("{:.2f} GB", value / 1e9);
  if (value >= 1e6) return fmt::format("{:.1f} MB", value / 1e6);
  return fmt::format("{:.1f} kB", value / 1e3);
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
  const WeightBytes held = held_bytes(checkpoint);
  summary.weight_bytes_f32 = held.f32;
  summary.weight_bytes_bf16 = held.bf16;
  summary.weight_bytes_int8 = held.int8;
  summary.kv_bytes_per_1000_tokens = 1000 * checkpoint.config.kv_bytes_per_token(2);
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
  line("stored", fmt::format("{} {} ({})", bytes_text(summary.stored_bytes), summary.format,
                             fmt::join(types, ", ")));
  if (summary.quantisation) line("quantised", describe(*summary.quantisation));
  line("tokenizer", text_summary.tokenizer);
  line("chat template", template_text(summary, text_summary.chat_format));
  line("answers end", text_summary.end_tokens);
  line("weights",
       fmt::format("{} as f32, {} as bf16, {} as int8", bytes_text(summary.weight_bytes_f32),
                   bytes_text(summary.weight_bytes_bf16), bytes_text(summary.weight_bytes_int8)));
  line("kv cache",
       fmt::format("{} per 1,000 tokens (bf16)", bytes_text(summary.kv_bytes_per_1000_tokens)));
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
  json["weight_bytes"] = {{"f32", summary.weight_bytes_f32},
                          {"bf16", summary.weight_bytes_bf16},
                          {"int8", summary.weight_bytes_int8}};
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

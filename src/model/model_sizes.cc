// The arithmetic of panels, blocks and rows; llama_config.h bounds every factor, so that nothing
// overflows 64 bits.

#include "model/model_sizes.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/check.h"

namespace puna {
namespace {

constexpr int kInt8Group = 64;
constexpr int kInt4Group = 128;
constexpr int kStoredInt8Group = 32;  // of Q8_0
constexpr int kWeightGroupMin = 32;
constexpr int64_t kF16Bytes = 2;
constexpr int64_t kF32Bytes = 4;

int64_t padded_to(int64_t size, int64_t multiple) {
  return (size + multiple - 1) / multiple * multiple;
}

// The 4-bit layout that all tensors share: the checkpoint's own values are taken over then.
std::optional<QuantisedLayout> shared_layout(const WeightSource& source,
                                             std::span<const std::string> tensors) {
  std::optional<QuantisedLayout> shared;
  for (const std::string& tensor : tensors) {
    const auto layout = source.quantised_layout(tensor);
    if (!layout || (shared && shared->group != layout->group)) return std::nullopt;
    shared = {layout->group, (!shared || shared->symmetric) && layout->symmetric};
  }
  return shared;
}

bool has_int8_values(const WeightSource& source, std::span<const std::string> tensors) {
  return std::all_of(tensors.begin(), tensors.end(), [&](const std::string& tensor) {
    return source.int8_layout(tensor) == Int8Layout{kStoredInt8Group};
  });
}

// Of a tensor that the checkpoint holds quantised; one that it does not is for us to quantise.
bool has_more_than_4_bits(const WeightSource& source, const std::string& name) {
  const TensorInfo* tensor = source.find(name);
  return tensor != nullptr && is_quantised(tensor->type) && !source.quantised_layout(name);
}

int64_t query_size(const LlamaConfig& config) {
  return int64_t{config.num_attention_heads} * config.head_dim;
}

int64_t key_size(const LlamaConfig& config) {
  return int64_t{config.num_key_value_heads} * config.head_dim;
}

}  // namespace

WeightFormat held_format(const WeightSource& source, std::span<const std::string> tensors,
                         bool is_outer, WeightFormat asked) {
  if (asked != WeightFormat::kInt4) return asked;
  const bool needs_more =
      std::any_of(tensors.begin(), tensors.end(),
                  [&](const std::string& tensor) { return has_more_than_4_bits(source, tensor); });
  return is_outer || needs_more ? WeightFormat::kInt8 : WeightFormat::kInt4;
}

HeldMatrix held_matrix(const WeightSource& source, std::span<const std::string> tensors,
                       WeightFormat format, int group_max) {
  HeldMatrix held = {.format = format, .group = group_max};
  const TensorInfo* tensor = source.find(tensors.front());
  const int64_t columns = tensor == nullptr ? 0 : tensor->column_count();
  while (held.group > kWeightGroupMin && columns % held.group != 0) held.group /= 2;
  if (format == WeightFormat::kInt8 && has_int8_values(source, tensors)) {
    held.group = kStoredInt8Group;
    held.takes_values = true;
  }
  if (format != WeightFormat::kInt4) return held;
  held.symmetric = false;  // an offset for each group halves the loss (docs/ACCURACY.md)
  if (const auto shared = shared_layout(source, tensors)) {
    held.group = shared->group;
    held.symmetric = shared->symmetric;
    held.takes_values = true;
  }
  return held;
}

int64_t matrix_bytes(const HeldMatrix& held, int64_t rows, int64_t columns) {
  const int64_t held_rows = padded_to(rows, kPanelRows);
  const int64_t row_values = padded_to(columns, held.group);
  const int64_t groups = held_rows * (row_values / held.group);
  switch (held.format) {
    case WeightFormat::kF32:
      return held_rows * row_values * kF32Bytes;
    case WeightFormat::kBf16:
      return held_rows * row_values * kF16Bytes;
    case WeightFormat::kInt8:
      return held_rows * row_values + groups * kF16Bytes;
    case WeightFormat::kInt4:
      return held_rows * row_values / 2 + groups * kF16Bytes * (held.symmetric ? 1 : 2);
  }
  check_failed(__FILE__, __LINE__, "format", "a WeightFormat that does not exist");
}

std::vector<StackedMatrix> stacked_matrices(const LlamaConfig& config) {
  const int64_t hidden = config.hidden_size;
  const int64_t ffn = config.intermediate_size;
  std::vector<StackedMatrix> all;
  const auto add = [&](const std::string& prefix, std::initializer_list<const char*> modules,
                       int64_t rows, int64_t columns) {
    StackedMatrix& matrix = all.emplace_back();
    for (const char* module : modules) matrix.tensors.push_back(prefix + module + ".weight");
    matrix.rows = rows;
    matrix.columns = columns;
    matrix.is_outer = prefix.empty();
  };
  add("", {"model.embed_tokens"}, config.vocab_size, hidden);
  for (int i = 0; i < config.num_hidden_layers; ++i) {
    const std::string prefix = fmt::format("model.layers.{}.", i);
    add(prefix, {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"},
        query_size(config) + 2 * key_size(config), hidden);
    add(prefix, {"self_attn.o_proj"}, hidden, query_size(config));
    add(prefix, {"mlp.gate_proj", "mlp.up_proj"}, 2 * ffn, hidden);
    add(prefix, {"mlp.down_proj"}, hidden, ffn);
  }
  if (!config.tie_word_embeddings) add("", {"lm_head"}, config.vocab_size, hidden);
  return all;
}

WeightSizes weight_sizes(const LlamaConfig& config, const WeightSource& source, WeightFormat format,
                         int group_max) {
  WeightSizes sizes;
  for (const StackedMatrix& matrix : stacked_matrices(config)) {
    const WeightFormat own = held_format(source, matrix.tensors, matrix.is_outer, format);
    const HeldMatrix held = held_matrix(source, matrix.tensors, own, group_max);
    const int64_t bytes = matrix_bytes(held, matrix.rows, matrix.columns);
    if (sizes.bytes == 0) sizes.embedding_bytes = bytes;  // the first
    sizes.bytes += bytes;
    sizes.quantises_to_int4 =
        sizes.quantises_to_int4 || (held.format == WeightFormat::kInt4 && !held.takes_values);
  }
  return sizes;
}

int default_weight_group(WeightFormat format) {
  return format == WeightFormat::kInt4 ? kInt4Group : kInt8Group;
}

int64_t kv_block_bytes(const LlamaConfig& config, KvCacheType type) {
  const int64_t values = config.head_dim + padded_to(config.head_dim, kVectorFloats);  // K and V
  int64_t position = 0;
  switch (type) {
    case KvCacheType::kF32:
      position = values * kF32Bytes;
      break;
    case KvCacheType::kBf16:
      position = values * kF16Bytes;
      break;
    case KvCacheType::kInt8:
      position = values + 2 * kF32Bytes;  // and two scales
      break;
  }
  return int64_t{config.num_hidden_layers} * config.num_key_value_heads * kKvBlockPositions *
         position;
}

int64_t activation_bytes(const LlamaConfig& config, int64_t tokens) {
  const auto row = [](int64_t values) { return padded_to(values, kWeightGroupMax); };
  const int64_t hidden = row(config.hidden_size);
  const int64_t query = row(query_size(config));
  const int64_t ffn = row(config.intermediate_size);
  // Two of the hidden size, q k v, what is attended, gate and up, what is gated; cosines and sines;
  // and one as a matrix reads it.
  const int64_t floats = 2 * hidden + row(query_size(config) + 2 * key_size(config)) + query +
                         row(2 * int64_t{config.intermediate_size}) + kVectorFloats + ffn +
                         config.head_dim + std::max({hidden, query, ffn}) + kVectorFloats;
  return tokens * floats * kF32Bytes;
}

int64_t logit_bytes(const LlamaConfig& config, int64_t rows) {
  return rows * config.vocab_size * kF32Bytes;
}

}  // namespace puna

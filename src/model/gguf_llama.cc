// Hugging Face names and row order over the tensors of a GGUF file.

#include "model/gguf_llama.h"

#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include "base/log.h"
#include "model/block_values.h"
#include "model/dequantize.h"

namespace puna {
namespace {

struct Names {
  std::string_view gguf;
  std::string_view hugging_face;
};

constexpr std::array kModelNames = {
    Names{"token_embd", "model.embed_tokens"},
    Names{"output_norm", "model.norm"},
    Names{"output", "lm_head"},
};
constexpr std::array kLayerNames = {
    Names{"attn_norm", "input_layernorm"}, Names{"ffn_norm", "post_attention_layernorm"},
    Names{"attn_q", "self_attn.q_proj"},   Names{"attn_k", "self_attn.k_proj"},
    Names{"attn_v", "self_attn.v_proj"},   Names{"attn_output", "self_attn.o_proj"},
    Names{"ffn_gate", "mlp.gate_proj"},    Names{"ffn_up", "mlp.up_proj"},
    Names{"ffn_down", "mlp.down_proj"},
};

std::optional<std::string_view> lookup(std::span<const Names> table, std::string_view gguf) {
  for (const Names& names : table) {
    if (names.gguf == gguf) return names.hugging_face;
  }
  return std::nullopt;
}

// "blk.3.attn_q.weight" -> "model.layers.3.self_attn.q_proj.weight"; nothing for an unknown name.
std::optional<std::string> hugging_face_name(std::string_view name) {
  const size_t dot = name.rfind('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const std::string_view suffix = name.substr(dot);  // ".weight" or ".bias"
  const std::string_view stem = name.substr(0, dot);
  if (!stem.starts_with("blk.")) {
    const auto found = lookup(kModelNames, stem);
    if (!found) return std::nullopt;
    return fmt::format("{}{}", *found, suffix);
  }
  int layer = 0;
  const char* begin = stem.data() + 4;
  const char* end = stem.data() + stem.size();
  const auto [rest, failure] = std::from_chars(begin, end, layer);
  if (failure != std::errc() || rest == end || *rest != '.') return std::nullopt;
  const auto found = lookup(kLayerNames, std::string_view(rest + 1, end));
  if (!found) return std::nullopt;
  return fmt::format("model.layers.{}.{}{}", layer, *found, suffix);
}

bool is_permuted(std::string_view gguf_name) {
  return gguf_name.find(".attn_q.") != std::string_view::npos ||
         gguf_name.find(".attn_k.") != std::string_view::npos;
}

}  // namespace

int64_t gguf_row_of(int64_t row, int64_t head_dim) {
  const int64_t in_head = row % head_dim;
  const int64_t pair = in_head % (head_dim / 2);
  const int64_t half = in_head / (head_dim / 2);
  return row - in_head + 2 * pair + half;
}

GgufWeights::GgufWeights(std::shared_ptr<const GgufFile> file, const LlamaConfig& config)
    : file_(std::move(file)) {
  for (const GgufTensor& tensor : file_->tensors()) {
    std::optional<std::string> name = hugging_face_name(tensor.info.name);
    if (!name) {
      if (tensor.info.name != "rope_freqs.weight") {
        log_warning("{}: tensor {} is not part of a Llama and is left out", file_->origin(),
                    tensor.info.name);
      }
      continue;
    }
    // Rows that are not whole heads are left alone; check_tensors() refuses their shape.
    const bool permuted = is_permuted(tensor.info.name) && config.head_dim > 0 &&
                          tensor.info.shape.front() % config.head_dim == 0;
    auto entry = std::make_unique<const Entry>(
        Entry{.info = {.name = *name, .type = tensor.info.type, .shape = tensor.info.shape},
              .bytes = tensor.bytes,
              .head_dim = permuted ? config.head_dim : 0});
    // "blk.01." and "blk.1." could name one tensor twice: the first stays.
    if (by_name_.emplace(*name, entry.get()).second) entries_.push_back(std::move(entry));
  }
}

int64_t GgufWeights::stored_bytes() const {
  int64_t total = 0;
  for (const auto& entry : entries_) total += std::ssize(entry->bytes);
  return total;
}

std::vector<const TensorInfo*> GgufWeights::tensors() const {
  std::vector<const TensorInfo*> infos;
  for (const auto& entry : entries_) infos.push_back(&entry->info);
  return infos;
}

const TensorInfo* GgufWeights::find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &found->second->info;
}

std::span<const std::byte> GgufWeights::Entry::row_bytes(int64_t row) const {
  const bool permuted = head_dim > 0 && info.shape.size() == 2;
  const int64_t stored_row = permuted ? gguf_row_of(row, head_dim) : row;
  const int64_t stride = puna::row_bytes(info.type, info.column_count());
  return bytes.subspan(static_cast<size_t>(stored_row * stride), static_cast<size_t>(stride));
}

Status GgufWeights::read_rows(std::string_view name, int64_t first_row, int64_t row_count,
                              std::span<float> out) const {
  const auto found = by_name_.find(name);
  if (found == by_name_.end()) {
    return error(StatusCode::kNotFound, "there is no tensor \"{}\"", name);
  }
  const Entry& entry = *found->second;
  const TensorInfo& info = entry.info;
  RETURN_IF_ERROR(check_rows(info, first_row, row_count, out.size()));
  const bool is_vector = info.shape.size() == 1;
  const auto columns = static_cast<size_t>(info.column_count());
  for (int64_t i = 0; i < row_count; ++i) {
    dequantize(info.type, entry.row_bytes(first_row + i),
               out.subspan(static_cast<size_t>(i) * columns, columns));
  }
  if (entry.head_dim > 0 && is_vector && row_count == 1) {  // a bias of q or k
    const std::vector<float> stored(out.begin(), out.end());
    for (size_t i = 0; i < columns; ++i) {
      out[i] = stored[static_cast<size_t>(gguf_row_of(static_cast<int64_t>(i), entry.head_dim))];
    }
  }
  return Status();
}

const GgufWeights::Entry* GgufWeights::find_matrix(std::string_view name) const {
  const auto found = by_name_.find(name);
  if (found == by_name_.end() || found->second->info.shape.size() != 2) return nullptr;
  return found->second;
}

std::optional<QuantisedLayout> GgufWeights::quantised_layout(std::string_view name) const {
  const Entry* entry = find_matrix(name);
  return entry == nullptr ? std::nullopt : quantised_layout_of(entry->info.type);
}

Status GgufWeights::read_quantised_rows(std::string_view name, int64_t first_row, int64_t row_count,
                                        QuantisedRows& out) const {
  const auto layout = quantised_layout(name);
  if (!layout) return invalid_argument("tensor {} is not a matrix stored in 4 bits", name);
  const Entry& entry = *find_matrix(name);
  RETURN_IF_ERROR(check_row_range(entry.info, first_row, row_count));
  const auto rows = static_cast<size_t>(row_count);
  const auto columns = static_cast<size_t>(entry.info.column_count());
  const size_t groups = columns / static_cast<size_t>(layout->group);
  const size_t offsets = layout->symmetric ? 0 : groups;
  out.group = layout->group;
  out.symmetric = layout->symmetric;
  out.values.resize(rows * columns);
  out.scales.resize(rows * groups);
  out.offsets.resize(rows * offsets);
  for (size_t i = 0; i < rows; ++i) {
    unpack_quantised(entry.info.type, entry.row_bytes(first_row + static_cast<int64_t>(i)),
                     std::span(out.values).subspan(i * columns, columns),
                     std::span(out.scales).subspan(i * groups, groups),
                     std::span(out.offsets).subspan(i * offsets, offsets));
  }
  return Status();
}

std::optional<Int8Layout> GgufWeights::int8_layout(std::string_view name) const {
  const Entry* entry = find_matrix(name);
  return entry == nullptr ? std::nullopt : int8_layout_of(entry->info.type);
}

Status GgufWeights::read_int8_rows(std::string_view name, int64_t first_row, int64_t row_count,
                                   Int8Rows& out) const {
  const auto layout = int8_layout(name);
  if (!layout) return invalid_argument("tensor {} is not a matrix stored in 8 bits", name);
  const Entry& entry = *find_matrix(name);
  RETURN_IF_ERROR(check_row_range(entry.info, first_row, row_count));
  const auto rows = static_cast<size_t>(row_count);
  const auto columns = static_cast<size_t>(entry.info.column_count());
  const size_t groups = columns / static_cast<size_t>(layout->group);
  out.group = layout->group;
  out.values.resize(rows * columns);
  out.scales.resize(rows * groups);
  for (size_t i = 0; i < rows; ++i) {
    unpack_int8(entry.info.type, entry.row_bytes(first_row + static_cast<int64_t>(i)),
                std::span(out.values).subspan(i * columns, columns),
                std::span(out.scales).subspan(i * groups, groups));
  }
  return Status();
}

}  // namespace puna

// A weight is stacked from the rows of one to three tensors, of which a device takes some rows or
// some columns.

#include "stablehlo/weight_shards.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "model/rope.h"
#include "stablehlo/tensor_parallel.h"

namespace puna::stablehlo {
namespace {

constexpr int64_t kChunkValues = 1 << 20;  // read at once where only some columns are taken

std::string in_layer(int layer, std::string_view rest) {
  return fmt::format("model.layers.{}.{}", layer, rest);
}

int64_t column_count(const TensorType& type) { return type.shape.size() == 2 ? type.shape[1] : 1; }

// Rows of q, k and v; `kind` is "weight" or "bias".
std::vector<TensorPiece> qkv_pieces(const LlamaConfig& config, int degree, int rank, int layer,
                                    std::string_view kind) {
  const ShardSizes sizes = shard_sizes(config, degree);
  const int64_t dim = config.head_dim;
  const auto piece = [&](std::string_view letter, int64_t first_head, int64_t heads) {
    return TensorPiece{in_layer(layer, fmt::format("self_attn.{}_proj.{}", letter, kind)),
                       first_head * dim, heads * dim, 0};
  };
  const int64_t first_kv = first_kv_head(config, degree, rank);
  return {piece("q", rank * sizes.heads, sizes.heads), piece("k", first_kv, sizes.kv_heads),
          piece("v", first_kv, sizes.kv_heads)};
}

std::vector<TensorPiece> gate_up_pieces(const LlamaConfig& config, int degree, int rank, int layer,
                                        std::string_view kind) {
  const int64_t rows = shard_sizes(config, degree).intermediate;
  return {{in_layer(layer, fmt::format("mlp.gate_proj.{}", kind)), rank * rows, rows, 0},
          {in_layer(layer, fmt::format("mlp.up_proj.{}", kind)), rank * rows, rows, 0}};
}

// Rows [first_row, first_row + row_count) of a matrix, of which columns [first_column, …) are
// taken.
Status read_columns(const WeightSource& source, const TensorInfo& tensor, int64_t first_row,
                    int64_t row_count, int64_t first_column, int64_t columns,
                    std::span<float> out) {
  const int64_t width = tensor.column_count();
  const int64_t taken = std::clamp<int64_t>(width - first_column, 0, columns);
  if (taken == 0) return {};
  const int64_t chunk = std::max<int64_t>(1, kChunkValues / width);
  std::vector<float> rows;
  for (int64_t done = 0; done < row_count; done += chunk) {
    const int64_t count = std::min(chunk, row_count - done);
    rows.resize(static_cast<size_t>(count * width));
    RETURN_IF_ERROR(source.read_rows(tensor.name, first_row + done, count, rows));
    for (int64_t row = 0; row < count; ++row) {
      std::copy_n(rows.begin() + row * width + first_column, taken,
                  out.begin() + (done + row) * columns);
    }
  }
  return {};
}

Status read_piece(const WeightSource& source, const TensorPiece& piece, int64_t columns,
                  std::span<float> out) {
  const TensorInfo* const tensor = source.find(piece.tensor);
  if (tensor == nullptr) {
    return invalid_argument("the checkpoint has no tensor {}", piece.tensor);
  }
  std::fill(out.begin(), out.end(), 0.0F);
  if (tensor->shape.size() == 1) {  // a vector is read whole
    std::vector<float> values(static_cast<size_t>(tensor->column_count()));
    RETURN_IF_ERROR(source.read_rows(piece.tensor, 0, 1, values));
    const int64_t there =
        std::clamp<int64_t>(tensor->column_count() - piece.first_row, 0, piece.row_count);
    if (there > 0) std::copy_n(values.begin() + piece.first_row, there, out.begin());
    return {};
  }
  const int64_t there =
      std::clamp<int64_t>(tensor->row_count() - piece.first_row, 0, piece.row_count);
  const auto values = static_cast<size_t>(there * columns);
  if (there == 0) return {};
  if (columns == tensor->column_count()) {
    return source.read_rows(piece.tensor, piece.first_row, there, out.first(values));
  }
  return read_columns(source, *tensor, piece.first_row, there, piece.first_column, columns,
                      out.first(values));
}

}  // namespace

std::vector<TensorPiece> weight_pieces(const LlamaConfig& config, int degree, int rank,
                                       const ProgramArgument& argument) {
  const ShardSizes sizes = shard_sizes(config, degree);
  const int layer = argument.layer;
  const int64_t hidden = config.hidden_size;
  switch (argument.role) {
    case ArgumentRole::kEmbedding:
      return {{"model.embed_tokens.weight", rank * sizes.vocabulary, sizes.vocabulary, 0}};
    case ArgumentRole::kInputNorm:
      return {{in_layer(layer, "input_layernorm.weight"), 0, hidden, 0}};
    case ArgumentRole::kQkv:
      return qkv_pieces(config, degree, rank, layer, "weight");
    case ArgumentRole::kQkvBias:
      return qkv_pieces(config, degree, rank, layer, "bias");
    case ArgumentRole::kOutput:
      return {{in_layer(layer, "self_attn.o_proj.weight"), 0, hidden,
               rank * sizes.heads * config.head_dim}};
    case ArgumentRole::kOutputBias:
      return {{in_layer(layer, "self_attn.o_proj.bias"), 0, hidden, 0}};
    case ArgumentRole::kPostNorm:
      return {{in_layer(layer, "post_attention_layernorm.weight"), 0, hidden, 0}};
    case ArgumentRole::kGateUp:
      return gate_up_pieces(config, degree, rank, layer, "weight");
    case ArgumentRole::kGateUpBias:
      return gate_up_pieces(config, degree, rank, layer, "bias");
    case ArgumentRole::kDown:
      return {{in_layer(layer, "mlp.down_proj.weight"), 0, hidden, rank * sizes.intermediate}};
    case ArgumentRole::kDownBias:
      return {{in_layer(layer, "mlp.down_proj.bias"), 0, hidden, 0}};
    case ArgumentRole::kFinalNorm:
      return {{"model.norm.weight", 0, hidden, 0}};
    case ArgumentRole::kHead:
      return {{"lm_head.weight", rank * sizes.vocabulary, sizes.vocabulary, 0}};
    default:
      break;
  }
  CHECK(argument.is_weight(), "only weights are read from a checkpoint");
  return {};
}

Status read_weight(const WeightSource& source, const LlamaConfig& config, int degree, int rank,
                   const ProgramArgument& argument, std::span<float> out) {
  CHECK(static_cast<int64_t>(out.size()) == element_count(argument.type), "a weight is read whole");
  const int64_t columns = column_count(argument.type);
  size_t done = 0;
  for (const TensorPiece& piece : weight_pieces(config, degree, rank, argument)) {
    const auto size = static_cast<size_t>(piece.row_count * columns);
    RETURN_IF_ERROR(read_piece(source, piece, columns, out.subspan(done, size)));
    done += size;
  }
  return {};
}

RopeTables rope_tables(const LlamaConfig& config, int count) {
  const auto half = static_cast<size_t>(config.head_dim / 2);
  const std::vector<float> frequencies = rope_inverse_frequencies(config.rope, config.head_dim);
  RopeTables tables;
  tables.cosines.resize(static_cast<size_t>(count) * half);
  tables.sines.resize(tables.cosines.size());
  for (size_t position = 0; position < static_cast<size_t>(count); ++position) {
    rope_angles(frequencies, position, &tables.cosines[position * half],
                &tables.sines[position * half]);
  }
  return tables;
}

}  // namespace puna::stablehlo

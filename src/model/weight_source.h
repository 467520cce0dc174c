// WeightSource: the tensors of a Llama by their Hugging Face names, as f32 rows, wherever they come
// from.
//
// Safetensors, GGUF and "base plus adapter" are WeightSources; a backend reads rows and packs them
// as it likes. Names: model.embed_tokens.weight,
// model.layers.N.self_attn.{q,k,v,o}_proj.{weight,bias},
// model.layers.N.mlp.{gate,up,down}_proj.{weight,bias},
// model.layers.N.{input,post_attention}_layernorm .weight, model.norm.weight, lm_head.weight
// (absent when tied). Rows are in Hugging Face order always: the GGUF reader undoes llama.cpp's
// permutation of q and k.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "model/quantised_rows.h"

namespace puna {

// ggml's block formats by their names there. The last two are no blocks: Int4Weights unpacks them.
enum class TensorType {
  kF32,
  kF16,
  kBf16,
  kQ8_0,
  kQ4_0,
  kQ4_1,
  kQ5_0,
  kQ5_1,
  kQ4_K,
  kQ5_K,
  kQ6_K,
  kAwq,
  kGptq,
};

std::string_view describe(TensorType type);
// Stored in fewer than 16 bits a weight.
bool is_quantised(TensorType type);

struct TensorInfo {
  std::string name;
  TensorType type = TensorType::kF32;  // as stored
  std::vector<int64_t> shape;          // [row_count, column_count] or [size]

  int64_t row_count() const { return shape.size() == 2 ? shape[0] : 1; }
  int64_t column_count() const { return shape.empty() ? 1 : shape.back(); }
};

// Thread-safe after opening: rows may be read by many threads at once.
class WeightSource {
 public:
  virtual ~WeightSource() = default;

  // In the order of the file; the pointer lives as long as the source.
  virtual std::vector<const TensorInfo*> tensors() const = 0;
  // nullptr when there is no such tensor.
  virtual const TensorInfo* find(std::string_view name) const = 0;

  // Dequantised rows [first_row, first_row + row_count) into out [row_count, column_count].
  virtual Status read_rows(std::string_view name, int64_t first_row, int64_t row_count,
                           std::span<float> out) const = 0;

  // How a matrix is stored in 4 bits, so that a backend can take the values over without
  // quantising again; nothing for a tensor that is stored otherwise or changed on the way (a merged
  // adapter). Its rows then, in the order of read_rows() and with the same meaning: scale * value +
  // offset is what read_rows() gives, up to f32 rounding.
  virtual std::optional<QuantisedLayout> quantised_layout(std::string_view name) const;
  virtual Status read_quantised_rows(std::string_view name, int64_t first_row, int64_t row_count,
                                     QuantisedRows& out) const;

  // The same for matrices of 8-bit values.
  virtual std::optional<Int8Layout> int8_layout(std::string_view name) const;
  virtual Status read_int8_rows(std::string_view name, int64_t first_row, int64_t row_count,
                                Int8Rows& out) const;
};

// kInvalidArgument unless the rows exist in `tensor`.
Status check_row_range(const TensorInfo& tensor, int64_t first_row, int64_t row_count);

// kInvalidArgument unless the rows exist in `tensor` and `out_size` is row_count * column_count.
Status check_rows(const TensorInfo& tensor, int64_t first_row, int64_t row_count, size_t out_size);

}  // namespace puna

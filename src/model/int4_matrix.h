// Int4Matrix: one linear layer as AWQ and GPTQ checkpoints pack it, checked whole when opened.
//
// weight[n, k] = scale[k / group, n] * (value[k, n] - zero[k / group, n]); n counts outputs, k
// inputs. `scales` holds floats [K / group, N], `qzeros` i32 [K / group, N / 8]. AWQ: `qweight` is
// i32 [K, N / 8], nibble i of a word belongs to output 8c + (0, 2, 4, 6, 1, 3, 5, 7)[i], in qzeros
// too. GPTQ: `qweight` is i32 [K / 8, N], nibble i belongs to input 8r + i, in qzeros to output
// 8c + i; g_idx, if there, must name the groups in order.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "base/status.h"
#include "model/quantisation_config.h"
#include "model/quantised_rows.h"
#include "model/safetensors.h"

namespace puna {

// The tensors of one layer; null: not there.
struct Int4Parts {
  const SafetensorsTensor* qweight = nullptr;
  const SafetensorsTensor* qzeros = nullptr;
  const SafetensorsTensor* scales = nullptr;
  const SafetensorsTensor* g_idx = nullptr;
};

class Int4Matrix {
 public:
  // The bytes of `parts` must outlive the matrix; messages begin with the tensor's name.
  static Result<Int4Matrix> open(const QuantisationConfig& config, std::string_view module,
                                 const Int4Parts& parts);

  int64_t row_count() const { return row_count_; }        // N
  int64_t column_count() const { return column_count_; }  // K
  int group() const { return group_; }

  // Looks at every zero: whether all of them are 8.
  bool is_symmetric() const;

  // Rows that exist; `symmetric` is what is_symmetric() says.
  void read(int64_t first_row, int64_t row_count, bool symmetric, QuantisedRows& out) const;

 private:
  Status check_parts(std::string_view module, const Int4Parts& parts);
  void read_values(size_t first_row, size_t row_count, std::span<uint8_t> out) const;
  uint32_t zeros_word(size_t group_index, size_t word) const;  // of 8 outputs
  int zero(size_t group_index, size_t row) const;

  Int4Packing packing_ = Int4Packing::kAwq;
  bool zeros_are_less_one_ = false;
  int group_ = 0;
  int64_t row_count_ = 0;
  int64_t column_count_ = 0;
  std::span<const std::byte> words_;
  std::span<const std::byte> zeros_;  // empty: every zero is 8
  std::span<const std::byte> scales_;
  TensorType scale_type_ = TensorType::kF16;
};

}  // namespace puna

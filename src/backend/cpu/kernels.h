// Kernels: the inner loops of the CPU backend for one instruction set, and the layouts they agree
// on.
//
// A result depends on its own row alone: each output is one chain of additions over K (or over
// positions) in ascending order, whatever the number of rows, so batches never change bits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

#include "backend/cpu/isa.h"
#include "backend/cpu/packed_layout.h"

namespace puna {

inline constexpr size_t kLanes = 16;

// A row of activations as the int8 and int4 kernels read it: values with one scale per group.
// `sums` and `corrections` pay for the weights' offsets. Arrays lie in this order, at these places.
struct QuantisedRow {
  int8_t* values;        // [k]
  float* scales;         // [k / group]: activation = scale * value
  float* sums;           // [k / group]: scale * sum of the values
  int32_t* corrections;  // [k / group]: minus the sum of the values, times the weights' offset

  static constexpr size_t scales_begin(size_t k) { return padded(k, 64); }
  static constexpr size_t bytes(size_t k, size_t group) {
    return scales_begin(k) + k / group * (2 * sizeof(float) + sizeof(int32_t));
  }
  static QuantisedRow at(std::byte* row, size_t k, size_t group) {
    auto* const scales = reinterpret_cast<float*>(row + scales_begin(k));
    float* const sums = scales + k / group;
    return {.values = reinterpret_cast<int8_t*>(row),
            .scales = scales,
            .sums = sums,
            .corrections = reinterpret_cast<int32_t*>(sums + k / group)};
  }
};

// out = rows * weights + bias.
struct Matmul {
  const std::byte* panels = nullptr;  // as packed_layout.h says
  size_t k = 0;                       // padded to `group`
  size_t group = 32;
  bool symmetric = true;
  size_t panel_bytes = 0;
  size_t group_bytes = 0;
  size_t column_count = 0;
  const float* bias = nullptr;      // [column_count padded to kPanelColumns], or null
  const std::byte* rows = nullptr;  // prepared, `row_bytes` apart
  size_t row_bytes = 0;
  size_t row_count = 0;
  float* out = nullptr;  // [row_count, column_count], rows `out_stride` apart
  size_t out_stride = 0;
  bool add_to_out = false;
};

// The product of prepared rows and packed panels; its place for the result is the caller's to set.
inline Matmul matmul_of(const PackedLayout& layout, const std::byte* panels, const std::byte* rows,
                        size_t row_bytes, size_t row_count) {
  return {.panels = panels,
          .k = layout.padded_k(),
          .group = layout.group,
          .symmetric = layout.symmetric,
          .panel_bytes = layout.panel_bytes(),
          .group_bytes = layout.group_bytes(),
          .column_count = layout.column_count,
          .rows = rows,
          .row_bytes = row_bytes,
          .row_count = row_count};
}

// Attention of some rows of one run and KV head. A row is one head of one token; row r belongs to
// the token r / heads_per_kv_head.
struct Attention {
  const float* queries = nullptr;  // of the run's first token and the KV head's first head
  size_t query_stride = 0;         // between tokens; heads are head_dim apart
  float* out = nullptr;            // as queries
  size_t out_stride = 0;
  size_t head_dim = 0;
  size_t heads_per_kv_head = 0;
  size_t first_row = 0;
  size_t row_count = 0;       // at most kAttentionRows
  size_t first_position = 0;  // of the run's first token
  float scale = 0;            // 1 / sqrt(head_dim)
  // The block of positions 64 i begins at kv + block_table[i] * block_bytes; see kv_layout.h.
  const std::byte* kv = nullptr;
  size_t block_bytes = 0;
  const int* block_table = nullptr;
  // Pieces that are computed apart: [piece][row] of maximum, sum, and from kLanes on the values.
  size_t piece = 0;           // which one; partial points to its first row
  float* partial = nullptr;   // when merging: to the first row of the first piece
  size_t partial_stride = 0;  // floats between rows
};
inline constexpr size_t kAttentionRows = 16;

// What quantising to -127..127 multiplies with. 0 where the largest magnitude is so small that its
// inverse would be infinite.
inline float inverse_of_scale(float largest) {
  constexpr float kSmallest = 127.0F / std::numeric_limits<float>::max();
  return largest > kSmallest ? 127.0F / largest : 0.0F;
}

struct FormatKernels {
  // Writes the layout's padded_k() activations in the form that matmul reads; at most 4 bytes each.
  void (*prepare)(const float* row, const PackedLayout& layout, std::byte* out);
  void (*matmul)(const Matmul& matmul, size_t first_panel, size_t last_panel);
};

struct AttentionKernels {
  void (*run)(const Attention& attention);          // every piece, into `out`
  void (*run_partial)(const Attention& attention);  // one piece, into `partial`
  void (*merge_partials)(const Attention& attention);
};

struct Kernels {
  FormatKernels f32, bf16, int8, int4;
  AttentionKernels attention_f32, attention_bf16, attention_int8;
  // out = row / rms(row) * weight; arrays are padded with zeros to kGroupMax.
  void (*rms_norm)(const float* row, const float* weight, size_t size, float epsilon, float* out);
  // out = silu(gate) * up; `size` is padded to kLanes.
  void (*gate)(const float* gate, const float* up, size_t size, float* out);
};

const Kernels& kernels_for(Isa isa);
const FormatKernels& kernels_for(const Kernels& kernels, WeightFormat format);

}  // namespace puna

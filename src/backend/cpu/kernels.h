// Kernels: the inner loops of the CPU backend for one instruction set, and the layouts they agree
// on.
//
// A result depends on its own row alone: each output is one chain of additions over K (or over
// positions) in ascending order, whatever the number of rows, so batches never change bits.
#pragma once

#include <cstddef>
#include <cstdint>

#include "backend/cpu/isa.h"

namespace puna {

inline constexpr size_t kPanelColumns = 64;  // outputs of a packed panel
inline constexpr size_t kLanes = 16;
inline constexpr size_t kGroup = 32;  // consecutive K that share an int8 scale; K is padded to it

inline constexpr size_t padded(size_t size, size_t multiple) {
  return (size + multiple - 1) / multiple * multiple;
}

// A group of a quantised row of activations: value * scale, with the sum of the values.
struct Int8Group {
  int8_t values[kGroup];
  float scale;
  int32_t sum;
};

// An int8 panel is an array of these, one per group of K.
struct Int8PanelGroup {
  uint16_t scales[kPanelColumns];                // bf16
  uint8_t values[kGroup / 4][kPanelColumns][4];  // value + 128
};

// out = rows * weights + bias. Panels hold 64 outputs each: f32 [k][64], bf16 [k / 2][64][2], int8
// Int8PanelGroup[k / 32].
struct Matmul {
  const std::byte* panels = nullptr;
  size_t k = 0;  // padded to kGroup
  size_t column_count = 0;
  const float* bias = nullptr;      // [column_count padded to 64], or null
  const std::byte* rows = nullptr;  // prepared, `row_bytes` apart
  size_t row_bytes = 0;
  size_t row_count = 0;
  float* out = nullptr;  // [row_count, column_count], rows `out_stride` apart
  size_t out_stride = 0;
  bool add_to_out = false;
};

// Attention of some rows of one run and KV head. A row is one head of one token; row r belongs to
// the token r / group.
struct Attention {
  const float* queries = nullptr;  // of the run's first token and the KV head's first head
  size_t query_stride = 0;         // between tokens; heads are head_dim apart
  float* out = nullptr;            // as queries
  size_t out_stride = 0;
  size_t head_dim = 0;
  size_t group = 0;  // heads per KV head
  size_t first_row = 0;
  size_t row_count = 0;       // at most kAttentionRows
  size_t first_position = 0;  // of the run's first token
  float scale = 0;            // 1 / sqrt(head_dim)
  // K [head_dim][64] and then V [64][head_dim padded to 16] of block i begin at
  // kv + block_table[i] * block_bytes.
  const std::byte* kv = nullptr;
  size_t block_bytes = 0;
  const int* block_table = nullptr;
};
inline constexpr size_t kAttentionRows = 8;

struct FormatKernels {
  // Writes `k` padded activations in the form that matmul reads; at most 4 bytes each.
  void (*prepare)(const float* row, size_t k, std::byte* out);
  void (*matmul)(const Matmul& matmul, size_t first_panel, size_t last_panel);
};

struct Kernels {
  FormatKernels f32, bf16, int8;
  void (*attend_f32)(const Attention& attention);
  void (*attend_bf16)(const Attention& attention);
  // out = row / rms(row) * weight; arrays are padded with zeros to kGroup.
  void (*rms_norm)(const float* row, const float* weight, size_t size, float epsilon, float* out);
  // out = silu(gate) * up; `size` is padded to kLanes.
  void (*gate)(const float* gate, const float* up, size_t size, float* out);
};

const Kernels& kernels_for(Isa isa);

}  // namespace puna

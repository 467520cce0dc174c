// PackedLayout: where each weight of a packed matrix lies. Panels of 32 outputs, one after the
// other, each with all of its K in the order in which the kernels read it.
//
// f32 panels are [k][32], bf16 panels [k / 2][32][2]. int8 and int4 panels are a run of groups of
// K: 32 scales (f16), for int4 that is not symmetric 32 offsets (f16), then the values:
//   int8 [group / 4][32][4], a byte is the value + 128: weight = scale * value;
//   int4 [group / 8][32][4], the low half of a byte belongs to the first four of eight K, the high
//   half to the last four: weight = scale * value + offset with values 0 to 15; when symmetric,
//   weight = scale * (value - 8).
//
// int8 that is rotated holds, for each 32 inputs of a row, their Walsh-Hadamard transform H / 8,
// and is multiplied with activations transformed by H / 4: H H is 32, so products stay what they
// were, and an activation far larger than its neighbours is spread over all 32 instead of
// coarsening the steps of its group.
#pragma once

#include <cstddef>
#include <cstdint>

#include "model/model_sizes.h"

namespace puna {

inline constexpr size_t kPanelColumns = kPanelRows;   // outputs of a panel
inline constexpr size_t kGroupMax = kWeightGroupMax;  // of K; rows are padded to it with zeros
inline constexpr size_t kRotation = 32;               // inputs that are rotated together
inline constexpr float kWeightRotation = 1.0F / 8;    // what H is multiplied with
inline constexpr float kActivationRotation = 1.0F / 4;

inline constexpr size_t padded(size_t size, size_t multiple) {
  return (size + multiple - 1) / multiple * multiple;
}

struct PackedLayout {
  WeightFormat format = WeightFormat::kF32;
  size_t column_count = 0;  // outputs
  size_t k = 0;             // inputs
  size_t group = 32;        // consecutive K that share a scale: 32, 64 or 128
  bool symmetric = true;    // int4 only
  bool rotated = false;     // int8 only

  bool has_offsets() const { return format == WeightFormat::kInt4 && !symmetric; }
  size_t padded_k() const { return padded(k, group); }
  size_t group_count() const { return padded_k() / group; }
  size_t panel_count() const { return padded(column_count, kPanelColumns) / kPanelColumns; }
  size_t value_bytes() const;   // of a group of a quantised panel
  size_t header_bytes() const;  // its scales and offsets
  size_t group_bytes() const { return header_bytes() + value_bytes(); }
  size_t panel_bytes() const;
  size_t bytes() const { return panel_count() * panel_bytes(); }
};

}  // namespace puna

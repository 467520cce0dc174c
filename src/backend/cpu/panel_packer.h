// Writing panels: rows of weights in, the bytes of packed_layout.h out, and back.
#pragma once

#include <span>
#include <vector>

#include "backend/cpu/packed_layout.h"

namespace puna {

// The weights of one panel as integers: weight = scale * value + offset, where an int8 value has
// 128 added and a symmetric int4 has an offset of -8 * scale; neither stores its offset.
struct QuantisedPanel {
  explicit QuantisedPanel(const PackedLayout& layout);

  std::vector<uint8_t> values;  // [kPanelColumns, padded_k]
  std::vector<float> scales;    // [kPanelColumns, group_count]
  std::vector<float> offsets;   // as scales, or empty
};

// f32 and bf16. `rows` is [kPanelColumns, padded_k].
void write_panel(const PackedLayout& layout, std::span<const float> rows, std::byte* panel);
// int8 and int4; scales and offsets are rounded to f16.
void write_panel(const PackedLayout& layout, const QuantisedPanel& quantised, std::byte* panel);

// Rotates [kPanelColumns, padded_k] weights and quantises them to int8, the largest magnitude of
// each group to 127. The weights fit: weight_checks.h.
void quantise_int8(const PackedLayout& layout, std::span<const float> rows,
                   QuantisedPanel& quantised);

// The weights of one output of a panel, as the kernels see them, into out [k].
void read_column(const PackedLayout& layout, const std::byte* panel, size_t column, float* out);

}  // namespace puna

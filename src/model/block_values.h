// The values of ggml's 4-bit and 8-bit blocks as they are stored, with their scales.
//
// For a backend that keeps a checkpoint's own quantisation. The layouts are those that
// dequantize.cc reads; scale * value + offset equals its result up to f32 rounding.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "model/quantised_rows.h"
#include "model/weight_source.h"

namespace puna {

// Q4_0, Q4_1 and Q4_K; nothing for every other type.
std::optional<QuantisedLayout> quantised_layout_of(TensorType type);

// `stored` holds whole blocks of such a type; the sizes of `values`, `scales` and `offsets` (empty
// when symmetric) agree with it.
void unpack_quantised(TensorType type, std::span<const std::byte> stored, std::span<uint8_t> values,
                      std::span<float> scales, std::span<float> offsets);

// Q8_0.
std::optional<Int8Layout> int8_layout_of(TensorType type);
void unpack_int8(TensorType type, std::span<const std::byte> stored, std::span<int8_t> values,
                 std::span<float> scales);

}  // namespace puna

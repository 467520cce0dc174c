// How stored tensor values become f32: plain floats and the block formats of ggml.
//
// Pure functions; block layouts are those of ggml-common.h and ggml-quants.c (ggml-org/ggml, MIT).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "model/weight_source.h"

namespace puna {

struct BlockShape {
  int64_t value_count = 1;
  int64_t byte_count = 0;
};

// The smallest unit a row of this type is made of; 1 value for the plain floats.
BlockShape block_shape(TensorType type);

// Bytes of a row; -1 when `column_count` is not a whole number of blocks.
int64_t row_bytes(TensorType type, int64_t column_count);

// `stored` holds whole blocks, out.size() values; sizes must agree (they are checked when a file is
// opened). Any alignment, little endian.
void dequantize(TensorType type, std::span<const std::byte> stored, std::span<float> out);

}  // namespace puna

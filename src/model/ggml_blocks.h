// The pieces that ggml's block formats are made of, for the two readers of blocks: as f32
// (dequantize.cc) and as stored values (block_values.cc).
#pragma once

#include <cstdint>
#include <cstring>

#include "base/float16.h"

namespace puna::ggml {

using Byte = uint8_t;

template <typename T>
T load(const Byte* at) {
  T value;
  std::memcpy(&value, at, sizeof(value));
  return value;
}

inline float load_f16(const Byte* at) { return f16_to_f32(load<uint16_t>(at)); }

// The low or high half of a byte as 0..15.
inline int low_nibble(Byte byte) { return byte & 0x0F; }
inline int high_nibble(Byte byte) { return byte >> 4; }

struct ScaleAndMinimum {
  int scale;
  int minimum;
};

// Q4_K and Q5_K keep 8 pairs of 6-bit scale and minimum in 12 bytes: the first four pairs in the
// low six bits of bytes 0..7; of the last four, low halves in bytes 8..11, top bits above the first
// four.
inline ScaleAndMinimum unpack_6bit_pair(const Byte* packed, int index) {
  if (index < 4) return {packed[index] & 63, packed[index + 4] & 63};
  return {low_nibble(packed[index + 4]) | (packed[index - 4] >> 6) << 4,
          high_nibble(packed[index + 4]) | (packed[index] >> 6) << 4};
}

}  // namespace puna::ggml

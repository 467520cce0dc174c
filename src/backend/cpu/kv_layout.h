// KvLayout: where K and V of one block of 64 positions, layer and KV head lie.
//
//   f32   K [head_dim][64], V [64][stride]
//   int8  the same in bytes, then 64 scales of K and 64 of V (f32), one per position
//   bf16  in pairs for the dot product instruction: K [head_dim / 2][64][2], V [32][stride][2]
// where stride is head_dim padded to 16.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "backend/cpu/kernels.h"

namespace puna {

inline constexpr size_t kBlockPositions = 64;
// Positions whose attention is summed by itself before it is merged with the ones before.
inline constexpr size_t kPiecePositions = 512;

// Values that one stored element of a dot product has side by side.
template <class Stored>
constexpr size_t positions_together() {
  return std::is_same_v<Stored, uint16_t> ? 2 : 1;
}
template <class Stored>
constexpr bool has_scales() {
  return std::is_same_v<Stored, int8_t>;
}

struct KvLayout {
  size_t value_stride = 0;
  size_t values_begin = 0;  // bytes
  size_t scales_begin = 0;
  size_t bytes = 0;

  template <class Stored>
  static constexpr KvLayout of(size_t head_dim) {
    KvLayout layout;
    layout.value_stride = padded(head_dim, kLanes);
    layout.values_begin = kBlockPositions * head_dim * sizeof(Stored);
    layout.scales_begin =
        layout.values_begin + kBlockPositions * layout.value_stride * sizeof(Stored);
    layout.bytes = layout.scales_begin;
    if (has_scales<Stored>()) layout.bytes += 2 * kBlockPositions * sizeof(float);
    return layout;
  }
};

}  // namespace puna

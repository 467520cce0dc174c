// The table of one instruction set's kernels, from its vector type.
#pragma once

#include "backend/cpu/attention_kernel.h"
#include "backend/cpu/float_tiles.h"
#include "backend/cpu/quantised_tiles.h"

namespace puna {

template <class V>
constexpr Kernels make_kernels() {
  return {.f32 = float_kernels<F32Tile<V>>(),
          .bf16 = float_kernels<Bf16Tile<V>>(),
          .int8 = int8_kernels<V>(),
          .int4 = int4_kernels<V>(),
          .attend_f32 = attend<V, float>,
          .attend_bf16 = attend<V, uint16_t>,
          .rms_norm = rms_norm<V>,
          .gate = gate_rows<V>};
}

}  // namespace puna

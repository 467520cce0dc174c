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
          .attention_f32 = attention_kernels<V, PlainKv<V, float>>(),
          .attention_bf16 = attention_kernels<V, Bf16Kv<V>>(),
          .attention_int8 = attention_kernels<V, PlainKv<V, int8_t>>(),
          .rms_norm = rms_norm<V>,
          .gate = gate_rows<V>};
}

}  // namespace puna

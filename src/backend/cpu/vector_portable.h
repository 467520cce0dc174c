// VectorPortable: sixteen floats in plain C++, for processors without AVX2 and as the model of the
// other two.
//
// The kernels are templates over such a type: 16 lanes F, 16 integer lanes I, and the sizes of the
// register tiles. Every operation acts on each lane alone, so a lane's bits never depend on its
// neighbours.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#if defined(__ARM_FEATURE_DOTPROD)
#include <arm_neon.h>

#include <cstring>
#endif

#include "base/float16.h"

namespace puna {

struct VectorPortable {
  struct F {
    float lane[16];
  };
  struct I {
    int32_t lane[16];
  };
  struct Bytes {
    uint8_t byte[64];  // four for each lane
  };
  using Bf16Activation = float;  // what prepared rows of the bf16 format hold

  static constexpr size_t kTileRows = 2;     // rows of a matmul tile
  static constexpr size_t kTileVectors = 1;  // vectors of 16 columns of a matmul tile
  static constexpr size_t kQuantisedRows = 2;
  static constexpr size_t kQuantisedVectors = 1;
  static constexpr size_t kAttentionTile = 2;  // rows of an attention tile: a power of two
  static constexpr size_t kAttentionVectors = 1;

  static F set(float value) {
    F out;
    for (float& lane : out.lane) lane = value;
    return out;
  }
  static F load(const float* from) {
    F out;
    for (size_t i = 0; i < 16; ++i) out.lane[i] = from[i];
    return out;
  }
  static void store(float* to, F a) {
    for (size_t i = 0; i < 16; ++i) to[i] = a.lane[i];
  }
  static F load(const uint16_t* from) {  // bf16
    F out;
    for (size_t i = 0; i < 16; ++i) out.lane[i] = bf16_to_f32(from[i]);
    return out;
  }
  static F load(const int8_t* from) {
    F out;
    for (size_t i = 0; i < 16; ++i) out.lane[i] = static_cast<float>(from[i]);
    return out;
  }
  static F add(F a, F b) {
    for (size_t i = 0; i < 16; ++i) a.lane[i] += b.lane[i];
    return a;
  }
  static F subtract(F a, F b) {
    for (size_t i = 0; i < 16; ++i) a.lane[i] -= b.lane[i];
    return a;
  }
  static F multiply(F a, F b) {
    for (size_t i = 0; i < 16; ++i) a.lane[i] *= b.lane[i];
    return a;
  }
  static F divide(F a, F b) {
    for (size_t i = 0; i < 16; ++i) a.lane[i] /= b.lane[i];
    return a;
  }
  // Both give b when one of the two is a NaN, as x86 does.
  static F minimum(F a, F b) {
    for (size_t i = 0; i < 16; ++i) a.lane[i] = a.lane[i] < b.lane[i] ? a.lane[i] : b.lane[i];
    return a;
  }
  static F maximum(F a, F b) {
    for (size_t i = 0; i < 16; ++i) a.lane[i] = a.lane[i] > b.lane[i] ? a.lane[i] : b.lane[i];
    return a;
  }
  static F absolute(F a) {
    for (float& lane : a.lane) lane = lane < 0 ? -lane : lane;
    return a;
  }
  static F fma(F a, F b, F c) {  // not fused here: the plain instruction set has no fma
    for (size_t i = 0; i < 16; ++i) c.lane[i] += a.lane[i] * b.lane[i];
    return c;
  }
  // Each lane gets that of the lane `distance` away: a power of two, so that lanes change places.
  template <size_t distance>
  static F exchange(F a) {
    F out;
    for (size_t i = 0; i < 16; ++i) out.lane[i] = a.lane[i ^ distance];
    return out;
  }
  // To the nearest integer, ties to even; |a| below 2^22.
  static F round(F a) {
    for (float& lane : a.lane) lane = (lane + 0x1.8p23F) - 0x1.8p23F;
    return a;
  }
  // The smallest integer for a NaN and what does not fit, as on x86.
  static int32_t to_int(float a) {
    return a >= -0x1p31F && a < 0x1p31F ? static_cast<int32_t>(a) : INT32_MIN;
  }
  static I to_int(F a) {
    I out;
    for (size_t i = 0; i < 16; ++i) out.lane[i] = to_int(a.lane[i]);
    return out;
  }
  static F to_float(I a) {
    F out;
    for (size_t i = 0; i < 16; ++i) out.lane[i] = static_cast<float>(a.lane[i]);
    return out;
  }
  // 2^power for integral lanes of -126 to 127; anything for others.
  static F power_of_two(F power) {
    for (float& lane : power.lane) {
      lane = std::bit_cast<float>((static_cast<uint32_t>(to_int(lane)) + 127) << 23);
    }
    return power;
  }
  static void store_int8(int8_t* to, I a) {  // lanes within -128 to 127
    for (size_t i = 0; i < 16; ++i) to[i] = static_cast<int8_t>(a.lane[i]);
  }
  static void store_activation(float* to, F a) {
    for (size_t i = 0; i < 16; ++i) to[i] = bf16_to_f32(f32_to_bf16(a.lane[i]));
  }

  // sum += odd weights * second, then even weights * first, as BF16 instructions do it; `weights`
  // are 16 pairs of bf16, `pair` two activations.
  static F dot_pairs(F sum, const uint16_t* weights, const float* pair) {
    for (size_t i = 0; i < 16; ++i) sum.lane[i] += bf16_to_f32(weights[2 * i + 1]) * pair[1];
    for (size_t i = 0; i < 16; ++i) sum.lane[i] += bf16_to_f32(weights[2 * i]) * pair[0];
    return sum;
  }

  static F load_f16(const uint16_t* from) {
    F out;
    for (size_t i = 0; i < 16; ++i) out.lane[i] = f16_to_f32(from[i]);
    return out;
  }
  static I set_int(int32_t value) {
    I out;
    for (int32_t& lane : out.lane) lane = value;
    return out;
  }
  static Bytes load_bytes(const uint8_t* from) {
    Bytes out;
    for (size_t i = 0; i < 64; ++i) out.byte[i] = from[i];
    return out;
  }
  static Bytes low_nibbles(Bytes a) {
    for (uint8_t& byte : a.byte) byte &= 15;
    return a;
  }
  static Bytes high_nibbles(Bytes a) {
    for (uint8_t& byte : a.byte) byte = static_cast<uint8_t>(byte >> 4);
    return a;
  }

#if defined(__ARM_FEATURE_DOTPROD)
  // Arm's dot product is of signed bytes: int8 weights lose their offset, so there is nothing to
  // correct. The compiler keeps lanes in registers.
  static I dot_signed(I sum, const int8_t* weights, const int8_t* activations) {
    int32_t four = 0;
    std::memcpy(&four, activations, sizeof four);
    const int8x16_t all = vreinterpretq_s8_s32(vdupq_n_s32(four));
    for (size_t i = 0; i < 16; i += 4) {
      const int32x4_t lanes = vld1q_s32(sum.lane + i);
      vst1q_s32(sum.lane + i, vdotq_s32(lanes, vld1q_s8(weights + 4 * i), all));
    }
    return sum;
  }
  static I int8_start(int32_t) { return set_int(0); }
  static I dot_int4(I sum, Bytes weights, const int8_t* activations) {
    return dot_signed(sum, reinterpret_cast<const int8_t*>(weights.byte), activations);
  }
  static I dot_int8(I sum, Bytes weights, const int8_t* activations) {
    for (uint8_t& byte : weights.byte) byte ^= 0x80;
    return dot_int4(sum, weights, activations);
  }
#else
  // Where a sum of int8 products begins, given what their offsets of 128 add up to.
  static I int8_start(int32_t correction) { return set_int(correction); }
  // Adds four products to each lane: weights 0 to 15 times activations[4].
  static I dot_int4(I sum, Bytes weights, const int8_t* activations) {
    for (size_t i = 0; i < 16; ++i) {
      for (size_t j = 0; j < 4; ++j) sum.lane[i] += weights.byte[4 * i + j] * activations[j];
    }
    return sum;
  }
  // The same with weights that are their value + 128.
  static I dot_int8(I sum, Bytes weights, const int8_t* activations) {
    return dot_int4(sum, weights, activations);
  }
#endif
};

}  // namespace puna

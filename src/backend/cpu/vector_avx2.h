// VectorAvx2: sixteen floats in two AVX2 registers, with FMA; VectorAvxVnni has the 8-bit dot
// product instruction too. Meaning of each operation: vector_portable.h.
//
// Only for files compiled with -mavx2 -mfma -mf16c; VectorAvxVnni exists where -mavxvnni is given,
// or -mavx512vl -mavx512vnni, which has the same instruction in another encoding.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace puna {

struct VectorAvx2 {
  struct F {
    __m256 low, high;
  };
  struct I {
    __m256i low, high;
  };
  using Bytes = I;
  using Bf16Activation = float;  // of bf16 accuracy

  static constexpr size_t kTileRows = 4;
  static constexpr size_t kTileVectors = 1;
  static constexpr size_t kQuantisedRows = 2;
  static constexpr size_t kQuantisedVectors = 1;
  static constexpr size_t kAttentionTile = 2;
  static constexpr size_t kAttentionVectors = 1;

  static F set(float value) { return {_mm256_set1_ps(value), _mm256_set1_ps(value)}; }
  static F load(const float* from) { return {_mm256_loadu_ps(from), _mm256_loadu_ps(from + 8)}; }
  static void store(float* to, F a) {
    _mm256_storeu_ps(to, a.low);
    _mm256_storeu_ps(to + 8, a.high);
  }
  static __m256 widen(const uint16_t* from) {
    const __m128i bits = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16));
  }
  static F load(const uint16_t* from) { return {widen(from), widen(from + 8)}; }
  static F load(const int8_t* from) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
    return to_float({_mm256_cvtepi8_epi32(bytes), _mm256_cvtepi8_epi32(_mm_srli_si128(bytes, 8))});
  }
  static F add(F a, F b) { return {_mm256_add_ps(a.low, b.low), _mm256_add_ps(a.high, b.high)}; }
  static F subtract(F a, F b) {
    return {_mm256_sub_ps(a.low, b.low), _mm256_sub_ps(a.high, b.high)};
  }
  static F multiply(F a, F b) {
    return {_mm256_mul_ps(a.low, b.low), _mm256_mul_ps(a.high, b.high)};
  }
  static F divide(F a, F b) { return {_mm256_div_ps(a.low, b.low), _mm256_div_ps(a.high, b.high)}; }
  static F minimum(F a, F b) {
    return {_mm256_min_ps(a.low, b.low), _mm256_min_ps(a.high, b.high)};
  }
  static F maximum(F a, F b) {
    return {_mm256_max_ps(a.low, b.low), _mm256_max_ps(a.high, b.high)};
  }
  static F absolute(F a) {
    const __m256 sign = _mm256_set1_ps(-0.0F);
    return {_mm256_andnot_ps(sign, a.low), _mm256_andnot_ps(sign, a.high)};
  }
  static F fma(F a, F b, F c) {
    return {_mm256_fmadd_ps(a.low, b.low, c.low), _mm256_fmadd_ps(a.high, b.high, c.high)};
  }
  template <size_t distance>
  static F exchange(F a) {
    if constexpr (distance == 8) return {a.high, a.low};
    if constexpr (distance == 4) {
      return {_mm256_permute2f128_ps(a.low, a.low, 1), _mm256_permute2f128_ps(a.high, a.high, 1)};
    }
    constexpr int kOrder = distance == 2 ? 0x4E : 0xB1;
    return {_mm256_permute_ps(a.low, kOrder), _mm256_permute_ps(a.high, kOrder)};
  }
  static F round(F a) {
    constexpr int kNearest = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
    return {_mm256_round_ps(a.low, kNearest), _mm256_round_ps(a.high, kNearest)};
  }
  static I to_int(F a) { return {_mm256_cvtps_epi32(a.low), _mm256_cvtps_epi32(a.high)}; }
  static F to_float(I a) { return {_mm256_cvtepi32_ps(a.low), _mm256_cvtepi32_ps(a.high)}; }
  static __m256 power_of_two(__m256 power) {
    const __m256i biased = _mm256_add_epi32(_mm256_cvtps_epi32(power), _mm256_set1_epi32(127));
    return _mm256_castsi256_ps(_mm256_slli_epi32(biased, 23));
  }
  static F power_of_two(F power) { return {power_of_two(power.low), power_of_two(power.high)}; }
  static void store_int8(int8_t* to, I a) {
    const __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(a.low, a.high), 0xD8);
    const __m128i bytes =
        _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), bytes);
  }
  // The bits that BF16 instructions give: to the nearest, ties to even; denormals are zero, and a
  // NaN stays one whatever its bits (those of 0xFFFFFFFF would be rounded to zero).
  static __m256 round_to_bf16(__m256 a) {
    const __m256i bits = _mm256_castps_si256(a);
    const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    const __m256i sum = _mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7FFF)), odd);
    const __m256i exponent = _mm256_and_si256(bits, _mm256_set1_epi32(0x7F800000));
    const __m256i denormal = _mm256_cmpeq_epi32(exponent, _mm256_setzero_si256());
    const __m256i rounded = _mm256_andnot_si256(denormal, _mm256_and_si256(sum, odd_half()));
    const __m256 nan = _mm256_cmp_ps(a, a, _CMP_UNORD_Q);
    return _mm256_or_ps(_mm256_castsi256_ps(rounded), _mm256_and_ps(nan, quiet_nan()));
  }
  static __m256 quiet_nan() { return _mm256_castsi256_ps(_mm256_set1_epi32(0x7FC00000)); }
  static void store_activation(float* to, F a) {
    store(to, {round_to_bf16(a.low), round_to_bf16(a.high)});
  }

  static __m256i odd_half() { return _mm256_set1_epi32(static_cast<int>(0xFFFF0000U)); }
  static __m256 dot_pairs(__m256 sum, const uint16_t* weights, __m256 first, __m256 second) {
    const __m256i pairs = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(weights));
    const __m256 even = _mm256_castsi256_ps(_mm256_slli_epi32(pairs, 16));
    const __m256 odd = _mm256_castsi256_ps(_mm256_and_si256(pairs, odd_half()));
    return _mm256_fmadd_ps(even, first, _mm256_fmadd_ps(odd, second, sum));
  }
  static F dot_pairs(F sum, const uint16_t* weights, const float* pair) {
    const __m256 first = _mm256_broadcast_ss(pair);
    const __m256 second = _mm256_broadcast_ss(pair + 1);
    return {dot_pairs(sum.low, weights, first, second),
            dot_pairs(sum.high, weights + 16, first, second)};
  }

  static F load_f16(const uint16_t* from) {
    const auto* const halves = reinterpret_cast<const __m128i*>(from);
    return {_mm256_cvtph_ps(_mm_loadu_si128(halves)), _mm256_cvtph_ps(_mm_loadu_si128(halves + 1))};
  }
  static I set_int(int32_t value) { return {_mm256_set1_epi32(value), _mm256_set1_epi32(value)}; }
  static Bytes load_bytes(const uint8_t* from) {
    const auto* const halves = reinterpret_cast<const __m256i*>(from);
    return {_mm256_loadu_si256(halves), _mm256_loadu_si256(halves + 1)};
  }
  static Bytes low_nibbles(Bytes a) {
    const __m256i mask = _mm256_set1_epi8(15);
    return {_mm256_and_si256(a.low, mask), _mm256_and_si256(a.high, mask)};
  }
  static Bytes high_nibbles(Bytes a) {
    return low_nibbles({_mm256_srli_epi16(a.low, 4), _mm256_srli_epi16(a.high, 4)});
  }
  static __m256i set_four(const int8_t* activations) {
    int32_t four = 0;
    std::memcpy(&four, activations, sizeof four);
    return _mm256_set1_epi32(four);
  }

  // Two products of at most 15 * 127 fit in 16 bits, so nothing saturates.
  static __m256i dot_int4(__m256i sum, __m256i weights, __m256i activations) {
    const __m256i products = _mm256_maddubs_epi16(weights, activations);
    return _mm256_add_epi32(sum, _mm256_madd_epi16(products, _mm256_set1_epi16(1)));
  }
  static I dot_int4(I sum, Bytes weights, const int8_t* activations) {
    const __m256i all = set_four(activations);
    return {dot_int4(sum.low, weights.low, all), dot_int4(sum.high, weights.high, all)};
  }

  // Weights lose their offset in dot_int8(), so there is nothing to correct.
  static I int8_start(int32_t) { return set_int(0); }
  static __m256i dot_int8(__m256i sum, __m256i weights, __m256i activations) {
    const __m256i value = _mm256_xor_si256(weights, _mm256_set1_epi8(-128));
    // |weight| times the activation with the weight's sign: two products of at most 127 * 127 fit
    // in 16 bits, so nothing saturates.
    const __m256i products =
        _mm256_maddubs_epi16(_mm256_abs_epi8(value), _mm256_sign_epi8(activations, value));
    return _mm256_add_epi32(sum, _mm256_madd_epi16(products, _mm256_set1_epi16(1)));
  }
  static I dot_int8(I sum, Bytes weights, const int8_t* activations) {
    const __m256i all = set_four(activations);
    return {dot_int8(sum.low, weights.low, all), dot_int8(sum.high, weights.high, all)};
  }
};

#if defined(__AVXVNNI__) || (defined(__AVX512VNNI__) && defined(__AVX512VL__))
struct VectorAvxVnni : VectorAvx2 {
  static __m256i dot(__m256i sum, __m256i weights, __m256i activations) {
#ifdef __AVXVNNI__
    return _mm256_dpbusd_avx_epi32(sum, weights, activations);
#else
    return _mm256_dpbusd_epi32(sum, weights, activations);
#endif
  }
  static I dot_int4(I sum, Bytes weights, const int8_t* activations) {
    const __m256i all = set_four(activations);
    return {dot(sum.low, weights.low, all), dot(sum.high, weights.high, all)};
  }
  static I int8_start(int32_t correction) { return set_int(correction); }
  static I dot_int8(I sum, Bytes weights, const int8_t* activations) {
    return dot_int4(sum, weights, activations);
  }
};
#endif

}  // namespace puna

// VectorAvx512Vnni: sixteen floats in one AVX-512 register, with the VNNI instructions;
// VectorAvx512 has the BF16 ones too. Meaning of each operation: vector_portable.h.
//
// Only for files compiled with -mavx512{f,bw,dq,vl,vnni}; VectorAvx512 exists where -mavx512bf16 is
// given as well.
#pragma once

#include <immintrin.h>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace puna {

struct VectorAvx512Vnni {
  using F = __m512;
  using I = __m512i;
  using Bytes = __m512i;
  using Bf16Activation = float;  // of bf16 accuracy

  static constexpr size_t kTileRows = 8;
  static constexpr size_t kTileVectors = 2;
  static constexpr size_t kQuantisedRows = 6;
  static constexpr size_t kQuantisedVectors = 2;
  static constexpr size_t kAttentionTile = 8;
  static constexpr size_t kAttentionVectors = 2;

  static F set(float value) { return _mm512_set1_ps(value); }
  static F load(const float* from) { return _mm512_loadu_ps(from); }
  static void store(float* to, F a) { _mm512_storeu_ps(to, a); }
  static F load(const uint16_t* from) {
    const __m256i bits = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
  }
  static F load(const int8_t* from) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
    return to_float(_mm512_cvtepi8_epi32(bytes));
  }
  static F add(F a, F b) { return _mm512_add_ps(a, b); }
  static F subtract(F a, F b) { return _mm512_sub_ps(a, b); }
  static F multiply(F a, F b) { return _mm512_mul_ps(a, b); }
  static F divide(F a, F b) { return _mm512_div_ps(a, b); }
  static F minimum(F a, F b) { return _mm512_min_ps(a, b); }
  static F maximum(F a, F b) { return _mm512_max_ps(a, b); }
  static F absolute(F a) { return _mm512_abs_ps(a); }
  static F fma(F a, F b, F c) { return _mm512_fmadd_ps(a, b, c); }
  template <size_t distance>
  static F exchange(F a) {
    constexpr int kOrder = distance == 8 || distance == 2 ? 0x4E : 0xB1;
    if constexpr (distance >= 4) return _mm512_shuffle_f32x4(a, a, kOrder);
    return _mm512_permute_ps(a, kOrder);
  }
  static F round(F a) {
    return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  }
  static I to_int(F a) { return _mm512_cvtps_epi32(a); }
  static F to_float(I a) { return _mm512_cvtepi32_ps(a); }
  static F power_of_two(F power) {
    const __m512i biased = _mm512_add_epi32(_mm512_cvtps_epi32(power), _mm512_set1_epi32(127));
    return _mm512_castsi512_ps(_mm512_slli_epi32(biased, 23));
  }
  static void store_int8(int8_t* to, I a) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm512_cvtsepi32_epi8(a));
  }
  // The bits that BF16 instructions give: to the nearest, ties to even; denormals are zero, and a
  // NaN stays one whatever its bits (those of 0xFFFFFFFF would be rounded to zero).
  static void store_activation(float* to, F a) {
    const I bits = _mm512_castps_si512(a);
    const I odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), set_int(1));
    const I sum = _mm512_add_epi32(_mm512_add_epi32(bits, set_int(0x7FFF)), odd);
    const __mmask16 normal = _mm512_test_epi32_mask(bits, set_int(0x7F800000));
    const I high = _mm512_and_si512(sum, set_int(static_cast<int32_t>(0xFFFF0000U)));
    const I rounded = _mm512_maskz_mov_epi32(normal, high);
    const __mmask16 nan = _mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q);
    _mm512_storeu_si512(to, _mm512_mask_mov_epi32(rounded, nan, set_int(0x7FC00000)));
  }

  static F dot_pairs(F sum, const uint16_t* weights, const float* pair) {
    const I pairs = _mm512_loadu_si512(weights);
    const F odd =
        _mm512_castsi512_ps(_mm512_and_si512(pairs, set_int(static_cast<int32_t>(0xFFFF0000U))));
    const F even = _mm512_castsi512_ps(_mm512_slli_epi32(pairs, 16));
    return fma(even, set(pair[0]), fma(odd, set(pair[1]), sum));
  }

  static F load_f16(const uint16_t* from) {
    return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
  }
  static I set_int(int32_t value) { return _mm512_set1_epi32(value); }
  static Bytes load_bytes(const uint8_t* from) { return _mm512_loadu_si512(from); }
  static Bytes low_nibbles(Bytes a) { return _mm512_and_si512(a, _mm512_set1_epi8(15)); }
  static Bytes high_nibbles(Bytes a) { return low_nibbles(_mm512_srli_epi16(a, 4)); }

  static I int8_start(int32_t correction) { return set_int(correction); }
  static I dot_int4(I sum, Bytes weights, const int8_t* activations) {
    int32_t four = 0;
    std::memcpy(&four, activations, sizeof four);
    return _mm512_dpbusd_epi32(sum, weights, _mm512_set1_epi32(four));
  }
  static I dot_int8(I sum, Bytes weights, const int8_t* activations) {
    return dot_int4(sum, weights, activations);
  }
};

#ifdef __AVX512BF16__
struct VectorAvx512 : VectorAvx512Vnni {
  using Bf16Activation = uint16_t;

  static void store_activation(uint16_t* to, F a) {
    const auto bits = std::bit_cast<__m256i>(_mm512_cvtneps_pbh(a));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), bits);
  }
  static F dot_pairs(F sum, const uint16_t* weights, const uint16_t* pair) {
    int32_t both = 0;
    std::memcpy(&both, pair, sizeof both);
    return _mm512_dpbf16_ps(sum, std::bit_cast<__m512bh>(_mm512_loadu_si512(weights)),
                            std::bit_cast<__m512bh>(_mm512_set1_epi32(both)));
  }
};
#endif

}  // namespace puna

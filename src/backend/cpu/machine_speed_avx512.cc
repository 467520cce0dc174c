// AVX-512: vpdpbusd multiplies 64 pairs of int8 and adds them to 16 sums.

#include <immintrin.h>

#include "backend/cpu/machine_speed_loops.h"

namespace puna {
namespace {

constexpr size_t kAccumulators = 20;  // enough to hide the latency of every processor so far
constexpr int64_t kOperations = int64_t{kAccumulators} * 64 * 2;

uint64_t read(const uint64_t* words, size_t count) {
  __m512i sums[8] = {};
  for (size_t i = 0; i < count; i += 64) {
    for (size_t j = 0; j < 8; ++j) {
      sums[j] = _mm512_add_epi64(sums[j], _mm512_loadu_si512(words + i + 8 * j));
    }
  }
  uint64_t sum = 0;
  for (const __m512i& one : sums) sum += static_cast<uint64_t>(_mm512_reduce_add_epi64(one));
  return sum;
}

uint32_t multiply(size_t rounds) {
  __m512i sums[kAccumulators] = {};
  __m512i left = _mm512_set1_epi8(kSpeedLeft);
  __m512i right = _mm512_set1_epi8(kSpeedRight);
  for (size_t round = 0; round < rounds; ++round) {
    // The compiler must take both for new in each round, or it multiplies once and scales.
    asm volatile("" : "+v"(left), "+v"(right));
    for (__m512i& sum : sums) sum = _mm512_dpbusd_epi32(sum, left, right);
  }
  __m512i all = sums[0];
  for (size_t i = 1; i < kAccumulators; ++i) all = _mm512_add_epi32(all, sums[i]);
  return static_cast<uint32_t>(_mm512_reduce_add_epi32(all));
}

}  // namespace

extern const MachineSpeedLoops kAvx512SpeedLoops;
const MachineSpeedLoops kAvx512SpeedLoops = {
    .read = read, .multiply = multiply, .operations_per_round = kOperations};

}  // namespace puna

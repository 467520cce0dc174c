// The loops in AVX-VNNI: reading is AVX2's.

#include <immintrin.h>

#include "backend/cpu/machine_speed_loops.h"

namespace puna {
namespace {

constexpr size_t kAccumulators = 12;
constexpr int64_t kOperations = 2 * 32 * kAccumulators;  // 32 products and sums each

uint32_t multiply(size_t rounds) {
  __m256i sums[kAccumulators] = {};
  __m256i left = _mm256_set1_epi8(kSpeedLeft);
  __m256i right = _mm256_set1_epi8(kSpeedRight);
  for (size_t round = 0; round < rounds; ++round) {
    // The compiler must take both for new in each round, or it multiplies once and scales.
    asm volatile("" : "+x"(left), "+x"(right));
    for (__m256i& sum : sums) sum = _mm256_dpbusd_avx_epi32(sum, left, right);
  }
  __m256i all = sums[0];
  for (size_t i = 1; i < kAccumulators; ++i) all = _mm256_add_epi32(all, sums[i]);
  alignas(32) uint32_t lanes[8];
  _mm256_store_si256(reinterpret_cast<__m256i*>(lanes), all);
  uint32_t sum = 0;
  for (const uint32_t one : lanes) sum += one;
  return sum;
}

}  // namespace

extern const MachineSpeedLoops kAvx2SpeedLoops;
MachineSpeedLoops avx_vnni_speed_loops() {
  return {.read = kAvx2SpeedLoops.read, .multiply = multiply, .operations_per_round = kOperations};
}

}  // namespace puna

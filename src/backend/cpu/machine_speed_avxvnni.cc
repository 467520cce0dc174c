// The loops in AVX-VNNI: reading is AVX2's.

#include <immintrin.h>

#include "backend/cpu/machine_speed_loops.h"

namespace puna {
namespace {

constexpr size_t kAccumulators = 12;
constexpr int64_t kOperations = 2 * 32 * kAccumulators;  // 32 products and sums each

int32_t multiply(size_t rounds) {
  __m256i sums[kAccumulators] = {};
  __m256i left = _mm256_set1_epi8(3);
  __m256i right = _mm256_set1_epi8(-5);
  for (size_t round = 0; round < rounds; ++round) {
    // The compiler must take both for new in each round, or it multiplies once and scales.
    asm volatile("" : "+x"(left), "+x"(right));
    for (__m256i& sum : sums) sum = _mm256_dpbusd_avx_epi32(sum, left, right);
  }
  __m256i all = sums[0];
  for (size_t i = 1; i < kAccumulators; ++i) all = _mm256_xor_si256(all, sums[i]);
  return _mm256_extract_epi32(all, 0);
}

}  // namespace

extern const MachineSpeedLoops kAvx2SpeedLoops;
MachineSpeedLoops avx_vnni_speed_loops() {
  return {.read = kAvx2SpeedLoops.read, .multiply = multiply, .operations_per_round = kOperations};
}

}  // namespace puna

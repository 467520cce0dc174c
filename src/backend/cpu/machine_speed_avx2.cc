// AVX2: without a dot product of int8, vpmaddubsw and vpmaddwd make one from 32 pairs.

#include <immintrin.h>

#include "backend/cpu/machine_speed_loops.h"

namespace puna {
namespace {

constexpr size_t kAccumulators = 10;
constexpr int64_t kOperations = int64_t{kAccumulators} * 32 * 2;

uint64_t read(const uint64_t* words, size_t count) {
  __m256i sums[8] = {};
  for (size_t i = 0; i < count; i += 32) {
    for (size_t j = 0; j < 8; ++j) {
      const auto* const from = reinterpret_cast<const __m256i*>(words + i + 4 * j);
      sums[j] = _mm256_add_epi64(sums[j], _mm256_loadu_si256(from));
    }
  }
  __m256i all = sums[0];
  for (size_t j = 1; j < 8; ++j) all = _mm256_add_epi64(all, sums[j]);
  alignas(32) uint64_t lanes[4];
  _mm256_store_si256(reinterpret_cast<__m256i*>(lanes), all);
  return lanes[0] + lanes[1] + lanes[2] + lanes[3];
}

uint32_t multiply(size_t rounds) {
  __m256i sums[kAccumulators] = {};
  __m256i left = _mm256_set1_epi8(kSpeedLeft);
  __m256i right = _mm256_set1_epi8(kSpeedRight);
  __m256i ones = _mm256_set1_epi16(1);
  for (size_t round = 0; round < rounds; ++round) {
    for (__m256i& sum : sums) {
      // New each time, or the compiler multiplies once for all sums.
      asm volatile("" : "+x"(left), "+x"(right), "+x"(ones));
      const __m256i pairs = _mm256_maddubs_epi16(left, right);
      sum = _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, ones));
    }
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
const MachineSpeedLoops kAvx2SpeedLoops = {
    .read = read, .multiply = multiply, .operations_per_round = kOperations};

}  // namespace puna

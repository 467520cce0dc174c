// Plain loops, with whatever vectors the compiler may use everywhere.

#include <algorithm>

#include "backend/cpu/machine_speed_loops.h"

namespace puna {
namespace {

constexpr size_t kSums = 16;
constexpr size_t kDepth = 64;
constexpr int64_t kOperations = int64_t{kSums} * kDepth * 2;

uint64_t read(const uint64_t* words, size_t count) {
  uint64_t sums[8] = {};
  for (size_t i = 0; i < count; i += 8) {
    for (size_t j = 0; j < 8; ++j) sums[j] += words[i + j];
  }
  uint64_t sum = 0;
  for (const uint64_t one : sums) sum += one;
  return sum;
}

uint32_t multiply(size_t rounds) {
  int8_t left[kDepth];
  int8_t right[kSums][kDepth];  // one kibibyte: in the first cache, if not in registers
  std::fill_n(left, kDepth, kSpeedLeft);
  std::fill_n(right[0], kSums * kDepth, kSpeedRight);
  uint32_t sums[kSums] = {};
  for (size_t round = 0; round < rounds; ++round) {
    asm volatile("" : : "r"(left), "r"(right) : "memory");  // new values, for all it knows
    for (size_t i = 0; i < kSums; ++i) {
      int32_t sum = 0;
      for (size_t k = 0; k < kDepth; ++k) sum += int32_t{left[k]} * int32_t{right[i][k]};
      sums[i] += static_cast<uint32_t>(sum);
    }
  }
  uint32_t all = 0;
  for (const uint32_t one : sums) all += one;
  return all;
}

}  // namespace

extern const MachineSpeedLoops kPortableSpeedLoops;
const MachineSpeedLoops kPortableSpeedLoops = {
    .read = read, .multiply = multiply, .operations_per_round = kOperations};

}  // namespace puna

// The two loops of machine_speed.h for one instruction set, each in a file with its compiler flags.
#pragma once

#include <cstddef>
#include <cstdint>

#include "backend/cpu/isa.h"

namespace puna {

struct MachineSpeedLoops {
  // The sum of `count` words, a multiple of 64: what is read must be used, or it is not read.
  uint64_t (*read)(const uint64_t* words, size_t count);
  // `rounds` passes over accumulators in registers, of products of kSpeedLeft and kSpeedRight;
  // their sum, modulo 2^32, which shows that all of them were made.
  uint32_t (*multiply)(size_t rounds);
  // Multiplications and additions of int8 in one round.
  int64_t operations_per_round;
};

inline constexpr int8_t kSpeedLeft = 3;
inline constexpr int8_t kSpeedRight = -5;

// What multiply() returns when it has made so many operations: half of them are products.
inline uint32_t expected_sum(int64_t operations) {
  return static_cast<uint32_t>(operations / 2 * kSpeedLeft * kSpeedRight);
}

const MachineSpeedLoops& machine_speed_loops(Isa isa);

}  // namespace puna

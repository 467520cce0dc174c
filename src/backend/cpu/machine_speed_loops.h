// The two loops of machine_speed.h for one instruction set, each in a file with its compiler flags.
#pragma once

#include <cstddef>
#include <cstdint>

#include "backend/cpu/isa.h"

namespace puna {

struct MachineSpeedLoops {
  // The sum of `count` words, a multiple of 64: what is read must be used, or it is not read.
  uint64_t (*read)(const uint64_t* words, size_t count);
  // `rounds` passes over accumulators in registers; a result of the sums, so that they are made.
  int32_t (*multiply)(size_t rounds);
  // Multiplications and additions of int8 in one round.
  int64_t operations_per_round;
};

const MachineSpeedLoops& machine_speed_loops(Isa isa);

}  // namespace puna

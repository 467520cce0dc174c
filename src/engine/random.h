// Counter-based random numbers: a number depends on (key, counter) alone, so what else is sampled,
// and in which order, never matters.
#pragma once

#include <array>
#include <cstdint>

namespace puna {

// Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel Random Numbers: As Easy as 1, 2, 3", 2011).
std::array<uint32_t, 4> philox(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key);

// In [0, 1) with 53 random bits, for token `index` of the stream of `seed`.
double uniform(uint64_t seed, uint64_t index);

}  // namespace puna

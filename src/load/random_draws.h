// RandomDraws: what a run draws by chance, the same on every machine: the standard says what
// std::mt19937_64 gives, and nothing of what its distributions do.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>

namespace puna {

class RandomDraws {
 public:
  // `stream` keeps the draws of one seed apart: those of arrivals, of user 7, of conversation 12.
  RandomDraws(uint64_t seed, uint64_t stream) {
    std::seed_seq sequence{low(seed), high(seed), low(stream), high(stream)};
    engine_.seed(sequence);
  }

  // In [0, 1).
  double uniform() { return static_cast<double>(engine_() >> 11U) * 0x1p-53; }
  // Exponential with mean 1: the pause until the next event of a Poisson process.
  double exponential() { return -std::log1p(-uniform()); }
  // Less than `count`.
  size_t below(size_t count) { return static_cast<size_t>(uniform() * static_cast<double>(count)); }

 private:
  static uint32_t low(uint64_t value) { return static_cast<uint32_t>(value); }
  static uint32_t high(uint64_t value) { return static_cast<uint32_t>(value >> 32U); }

  std::mt19937_64 engine_;
};

}  // namespace puna

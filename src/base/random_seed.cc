// std::random_device reads the kernel's generator on every Linux that is supported.

#include "base/random_seed.h"

#include <random>

namespace puna {

uint64_t random_seed() {
  std::random_device device;
  const uint64_t high = device();
  return high << 32 | device();
}

}  // namespace puna

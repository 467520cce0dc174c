// A seed nobody can guess, from the operating system, for requests that bring none.
#pragma once

#include <cstdint>

namespace puna {

uint64_t random_seed();

}  // namespace puna

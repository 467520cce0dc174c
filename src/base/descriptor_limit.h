// How many files and connections this process may have open at once.
#pragma once

#include <cstdint>

namespace puna {

// Raises the soft limit to the hard one, as nobody but old programs needs it low; returns it.
uint64_t raise_descriptor_limit();

}  // namespace puna

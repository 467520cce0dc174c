// What Linux says about the processor and about this process.
#pragma once

#include <cstdint>
#include <string>

namespace puna {

// The model name of the first processor, or its architecture where there is none.
std::string processor_name();

// Bytes of this process that are in memory (VmRSS), or 0 when it cannot be read.
int64_t resident_bytes();

}  // namespace puna

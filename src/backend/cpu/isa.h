// Isa: which instruction set the kernels use, chosen once when a backend opens.
#pragma once

#include <string_view>

#include "base/status.h"

namespace puna {

enum class Isa { kPortable, kAvx2, kAvx512 };

std::string_view describe(Isa isa);

// Whether this processor and its operating system run it. kAvx512 means F, BW, DQ, VL, BF16 and
// VNNI.
bool is_supported(Isa isa);

// The best supported one, or the one that the environment variable PUNA_ISA names.
Result<Isa> choose_isa();

}  // namespace puna

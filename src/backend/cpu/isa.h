// Isa: which instruction set the kernels use, chosen once when a backend opens.
#pragma once

#include <string_view>

#include "base/status.h"

namespace puna {

enum class Isa { kPortable, kAvx2, kAvxVnni, kAvx512Vnni, kAvx512 };

std::string_view describe(Isa isa);

// Whether this processor and its operating system run it. kAvx2 means FMA and F16C too, kAvx512Vnni
// F, BW, DQ, VL and VNNI, kAvx512 BF16 besides.
bool is_supported(Isa isa);

// The best supported one, or the one that the environment variable PUNA_ISA names.
Result<Isa> choose_isa();

}  // namespace puna

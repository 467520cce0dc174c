// Which cores of a machine a process sees, by the variables of Neuron's runtime.
#pragma once

#include <cstdint>
#include <optional>

#include "base/status.h"

namespace puna::pjrt {

// As many as NEURON_RT_VISIBLE_CORES names ("0-7", "8,9,12-15"; the virtual machine is an
// inf2.48xlarge with 24), or as NEURON_RT_NUM_CORES says; none when neither is set.
Result<std::optional<int64_t>> visible_cores();

}  // namespace puna::pjrt

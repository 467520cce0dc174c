// puna inspect: what is in this checkpoint.
#pragma once

#include "app/options.h"

namespace puna {

// Returns the process's exit code.
int run_inspect(const InspectCommand& command);

}  // namespace puna

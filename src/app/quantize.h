// puna quantize: the packed weight file of a model, ahead of the first start.
#pragma once

#include "app/options.h"

namespace puna {

// Prints the path on standard output. Returns the process's exit code.
int run_quantize(const QuantizeCommand& command);

}  // namespace puna

// puna bench: how fast the engine's backend is on this machine, beside what the machine can do.
#pragma once

#include "app/options.h"

namespace puna {

// Prints a table, or JSON; progress goes to standard error when it is a terminal. The exit code.
int run_bench(const BenchOptions& options);

}  // namespace puna

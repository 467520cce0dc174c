// puna pull: a hub repository into the Hugging Face cache.
#pragma once

#include "app/options.h"

namespace puna {

// Prints the path on standard output. Returns the process's exit code.
int run_pull(const PullCommand& command);

}  // namespace puna

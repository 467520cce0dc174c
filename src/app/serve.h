// puna serve: the HTTP API and the chat page.
#pragma once

#include "app/options.h"

namespace puna {

// Returns the process's exit code.
int run_serve(const ServeOptions& options);

}  // namespace puna

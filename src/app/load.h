// puna load: a server under load, and what its users get.
#pragma once

#include "app/options.h"

namespace puna {

int run_load(const LoadCommand& command);

}  // namespace puna

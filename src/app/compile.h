// puna compile: programs for an accelerator, compiled ahead of the first start.
#pragma once

#include "app/options.h"

namespace puna {

int run_compile(const CompileCommand& command);

}  // namespace puna

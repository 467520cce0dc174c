// puna plan: which machines serve a model for so many people, how fast, and for how much.
#pragma once

#include "app/options.h"

namespace puna {

// Prints a table, or JSON; writes the overlay when asked. 0: there is a choice; 1: there is none,
// or the input was wrong.
int run_plan(const PlanCommand& command);

}  // namespace puna

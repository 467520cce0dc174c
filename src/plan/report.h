// A plan as a table for people and as JSON for scripts, whose names are a contract.
#pragma once

#include <string>

#include "base/json.h"
#include "plan/planner.h"

namespace puna::plan {

std::string describe(const Plan& plan, const PlanRequest& request, const Catalogue& catalogue);
OrderedJson to_json(const Plan& plan, const PlanRequest& request, const Catalogue& catalogue);

}  // namespace puna::plan

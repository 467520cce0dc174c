// Filters and tests of templates: pure functions with Jinja's results.
#pragma once

#include <string_view>

#include "base/status.h"
#include "jinja/names.h"
#include "jinja/operators.h"

namespace puna::jinja {

// value|name(arguments)
Result<Value> apply_filter(std::string_view name, const Value& value, const Arguments& arguments);
// value is name(arguments)
Result<bool> apply_test(std::string_view name, const Value& value, const Arguments& arguments);

}  // namespace puna::jinja

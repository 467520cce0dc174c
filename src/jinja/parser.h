// The parser of chat templates: source text to a syntax tree, or an error with line and column.
//
// Refuses what reaches outside the template (include, import, extends), names that begin with two
// underscores, filters, tests and functions it does not know, and trees beyond the limits of
// jinja_syntax.h.
#pragma once

#include <string_view>

#include "base/status.h"
#include "jinja/syntax.h"

namespace puna::jinja {

// The statements of a template. kInvalidArgument: "line 3, column 14: what is wrong".
Result<Block> parse_template(std::string_view source);

}  // namespace puna::jinja

// The names that a template reads before it has set them itself: what its caller may give.
#pragma once

#include <set>
#include <string>

#include "jinja/syntax.h"

namespace puna::jinja {

// In the order of the source, whichever branches would run; names that every template has (range,
// namespace, loop, …) are left out.
std::set<std::string> free_names(const Block& program);

}  // namespace puna::jinja

// JSON from outside as template values.
#pragma once

#include "base/json.h"
#include "jinja/value.h"

namespace puna::jinja {

// Texts are a person's (kFromMessage). The document's nesting is that of parse_json at most.
Value from_json(const Json& json);

}  // namespace puna::jinja

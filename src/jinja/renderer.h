// Renderer: runs a parsed template. Steps, nesting and output are bounded; values come from the
// caller and from the template alone.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/status.h"
#include "jinja/operators.h"
#include "jinja/syntax.h"

namespace puna::jinja {

// Expressions and statements run, plus the size of the values they make.
inline constexpr size_t kRenderStepsMax = 50'000'000;
inline constexpr int kMacroDepthMax = 16;

using Variables = std::map<std::string, Value, std::less<>>;

// kInvalidArgument with the template's own words from raise_exception(); kFailedPrecondition
// "line 3, column 14: what" for everything else that goes wrong.
Result<MarkedText> render(const Block& program, Variables variables);

}  // namespace puna::jinja

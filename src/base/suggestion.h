// "did you mean": the known word nearest to a mistyped one. Pure function.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace puna {

// "; did you mean --port?", or nothing when no word is near enough (two letters, or a third of a
// long word).
std::string suggestion(std::string_view word, const std::vector<std::string>& known);

}  // namespace puna

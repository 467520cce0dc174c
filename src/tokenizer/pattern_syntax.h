// Oniguruma's patterns (Ruby's syntax) in PCRE2's words.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"

namespace puna {

// kInvalidArgument says which part has no equal in PCRE2.
Result<std::string> pcre2_syntax(std::string_view source);

// Unicode's White_Space, for the inside of brackets: what \s is for Oniguruma, and not for PCRE2.
extern const char* const kWhiteSpaceRanges;
// Alphabetic, marks, decimal digits and connectors: \w, for the inside of brackets.
extern const char* const kWordRanges;

}  // namespace puna

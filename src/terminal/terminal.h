// What the terminal commands print: colours where they are wanted, and errors of one line.
//
// Colours appear on a terminal only, and never when NO_COLOR is set (base/log.h has the rule).
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"

namespace puna {

std::string dimmed(std::string_view text);
std::string prompt_text(std::string_view text);
// The same for LineEditor::read(), with marks around what takes no column.
std::string framed_prompt(std::string_view text);
std::string error_text(std::string_view text);

// Model output for a terminal: line breaks and tabs stay, other control characters are escaped.
std::string printable(std::string_view text);

// Shows `question` and reads y or n. No when standard input is no terminal.
bool ask(std::string_view question);

// Prints "error: message" on standard error and returns the exit code 1.
int fail(const Status& status);

}  // namespace puna

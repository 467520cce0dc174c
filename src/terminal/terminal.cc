// ANSI colours and error lines.

#include "terminal/terminal.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>

#include "base/log.h"
#include "base/utf8.h"

namespace puna {
namespace {

std::string coloured(std::string_view text, const char* code, int descriptor) {
  if (!wants_colour(descriptor)) return std::string(text);
  return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
}

}  // namespace

std::string dimmed(std::string_view text) { return coloured(text, "2", STDOUT_FILENO); }
std::string prompt_text(std::string_view text) { return coloured(text, "1;36", STDOUT_FILENO); }
std::string framed_prompt(std::string_view text) {
  if (!wants_colour(STDOUT_FILENO)) return std::string(text);
  return fmt::format("\1\x1b[1;36m\1{}\1\x1b[0m\1", text);
}
std::string error_text(std::string_view text) {
  return coloured(fmt::format("error: {}", escape_for_terminal(text)), "31", STDOUT_FILENO);
}

std::string printable(std::string_view text) {
  std::string shown;
  size_t begin = 0;
  for (size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && text[i] != '\n' && text[i] != '\t') continue;
    shown += escape_for_terminal(text.substr(begin, i - begin));
    if (i < text.size()) shown += text[i];
    begin = i + 1;
  }
  return shown;
}

bool ask(std::string_view question) {
  if (::isatty(STDIN_FILENO) == 0) return false;
  fmt::print(stderr, "{} [y/N] ", question);
  std::fflush(stderr);
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "Y" || answer == "yes";
}

int fail(const Status& status) {
  const std::string prefix = coloured("error:", "31", STDERR_FILENO);
  std::fprintf(stderr, "%s %s\n", prefix.c_str(), escape_for_terminal(status.message()).c_str());
  return 1;
}

}  // namespace puna

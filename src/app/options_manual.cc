// man-pages(7) has the order of the sections.

#include "app/options_manual.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "app/options.h"

namespace puna {
namespace {

// Text that roff takes as it is.
std::string escaped(const std::string& text) {
  std::string roff;
  bool at_line_start = true;
  for (const char letter : text) {
    if (at_line_start && (letter == '.' || letter == '\'')) roff += "\\&";
    if (letter == '\\') {
      roff += "\\e";
    } else if (letter == '-') {
      roff += "\\-";
    } else {
      roff += letter;
    }
    at_line_start = letter == '\n';
  }
  return roff;
}

// "INT" of "INT:INT in [0 - 1024]"; "bf16|int8" of "TEXT:{bf16,int8}".
std::string value_name(const std::string& type) {
  const size_t begin = type.find('{');
  if (begin == type.npos) return type.substr(0, type.find(':'));
  std::string values = type.substr(begin + 1, type.find('}', begin) - begin - 1);
  std::replace(values.begin(), values.end(), ',', '|');
  return values;
}

std::string without_end(std::string text) {
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

std::string option_entry(const CLI::Option& option) {
  const bool is_flag = !option.get_lnames().empty();
  std::string name = is_flag ? "--" + option.get_lnames()[0] : value_name(option.get_type_name());
  if (is_flag && option.get_items_expected_max() > 0)
    name += " " + value_name(option.get_type_name());
  std::string text = option.get_description();
  if (!option.get_default_str().empty()) text += ". Default: " + option.get_default_str();
  if (!option.get_envname().empty()) text += ". Environment: " + option.get_envname();
  return fmt::format(".TP\n.B {}\n{}.\n", escaped(name), escaped(text));
}

std::string command_section(const CLI::App& command) {
  std::string text = fmt::format(".SS puna {}\n{}.\n", escaped(command.get_name()),
                                 escaped(command.get_description()));
  for (const CLI::Option* option : command.get_options()) {
    if (option->get_name() != "--help") text += option_entry(*option);
  }
  if (!command.get_footer().empty()) {
    text += fmt::format(".PP\n.nf\n{}\n.fi\n", escaped(without_end(command.get_footer())));
  }
  return text;
}

constexpr const char* kEnd = R"(.SH EXIT STATUS
0: done. 1: the input or the world was wrong; one line on standard error says what. 2: wrong usage.
.SH ENVIRONMENT
Every flag is also a variable: PUNA_ and the flag in capitals. The command line comes before it, and
it comes before a file of \-\-config.
.TP
.B PUNA_CACHE, XDG_CACHE_HOME
Where packed weights are kept: PUNA_CACHE, or puna in XDG_CACHE_HOME or ~/.cache.
.TP
.B HF_HOME, HF_HUB_CACHE, HF_TOKEN, HF_ENDPOINT, HF_HUB_OFFLINE
As Hugging Face's own programs take them.
.TP
.B NO_COLOR
No colours.
.SH FILES
.TP
.I ~/.cache/puna/packed
Packed weights; may be deleted.
.TP
.I ~/.local/state/puna/chat_history
Questions of puna chat, for its cursor keys; may be deleted.
)";

}  // namespace

std::string manual_page(const CLI::App& app) {
  std::string text = fmt::format(".TH PUNA 1 \"\" \"puna {}\"\n.SH NAME\npuna \\- {}\n", kVersion,
                                 "serve Llama chat models");
  text += ".SH SYNOPSIS\n.B puna\n.I COMMAND\n[\\fIARGUMENTS\\fR]\n";
  text += fmt::format(".SH DESCRIPTION\n{}\n.PP\n.nf\n{}\n.fi\n", escaped(app.get_description()),
                      escaped(without_end(app.get_footer())));
  text += ".SH COMMANDS\n";
  for (const CLI::App* command : app.get_subcommands({})) text += command_section(*command);
  return text + kEnd;
}

}  // namespace puna

// Completion scripts: the first word is a command; a word behind a flag with known values is one of
// them; a word that begins with "-" is a flag; others are files.

#include "app/completion.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace puna {
namespace {

std::string command_names(const std::vector<CompletionWords>& commands) {
  std::vector<std::string> names;
  for (const CompletionWords& words : commands) names.push_back(words.command);
  return fmt::format("{}", fmt::join(names, " "));
}

// "serve) flags='--host --port' ;;" for each command: the same in both shells.
std::string flag_cases(const std::vector<CompletionWords>& commands) {
  std::string cases;
  for (const CompletionWords& words : commands) {
    cases += fmt::format("    {}) flags='{}' ;;\n", words.command, fmt::join(words.flags, " "));
  }
  return cases;
}

// "'serve --backend') values='cpu fake' ;;" for each flag whose values are known.
std::string value_cases(const std::vector<CompletionWords>& commands) {
  std::string cases;
  for (const CompletionWords& words : commands) {
    for (const CompletionValues& known : words.values) {
      cases += fmt::format("    '{} {}') values='{}' ;;\n", words.command, known.after,
                           fmt::join(known.values, " "));
    }
  }
  return cases;
}

}  // namespace

std::string bash_completion(const std::vector<CompletionWords>& commands) {
  return fmt::format(R"(_puna() {{
  local word="${{COMP_WORDS[COMP_CWORD]}}" flags='' values=''
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W '{} --help --version' -- "$word"))
    return
  fi
  case "${{COMP_WORDS[1]}} ${{COMP_WORDS[COMP_CWORD-1]}}" in
{}  esac
  if [ -n "$values" ]; then
    COMPREPLY=($(compgen -W "$values" -- "$word"))
    return
  fi
  case "${{COMP_WORDS[1]}}" in
{}  esac
  case "$word" in
    -*) COMPREPLY=($(compgen -W "$flags" -- "$word")) ;;
    *) COMPREPLY=($(compgen -f -- "$word")) ;;
  esac
}}
complete -o filenames -F _puna puna
)",
                     command_names(commands), value_cases(commands), flag_cases(commands));
}

std::string zsh_completion(const std::vector<CompletionWords>& commands) {
  return fmt::format(R"(#compdef puna
_puna() {{
  local flags='' values=''
  if (( CURRENT == 2 )); then
    compadd -- {} --help --version
    return
  fi
  case "$words[2] $words[CURRENT-1]" in
{}  esac
  if [[ -n "$values" ]]; then
    compadd -- ${{=values}}
    return
  fi
  case "$words[2]" in
{}  esac
  if [[ "$words[CURRENT]" == -* ]]; then
    compadd -- ${{=flags}}
  else
    _files
  fi
}}
if [[ "$funcstack[1]" == _puna ]]; then
  _puna "$@"  # from a file of $fpath, at its first use
else
  compdef _puna puna
fi
)",
                     command_names(commands), value_cases(commands), flag_cases(commands));
}

// fish asks line by line: what is offered, and when.
std::string fish_completion(const std::vector<CompletionWords>& commands) {
  std::string script = fmt::format(
      "complete -c puna -n __fish_use_subcommand -f -a '{}'\n"
      "complete -c puna -n __fish_use_subcommand -l help -l version\n",
      command_names(commands));
  for (const CompletionWords& words : commands) {
    const std::string when = fmt::format("-n '__fish_seen_subcommand_from {}'", words.command);
    for (const std::string& flag : words.flags) {
      script += fmt::format("complete -c puna {} -l {}\n", when, flag.substr(2));
    }
    for (const CompletionValues& known : words.values) {
      const bool is_flag = known.after.starts_with("--");
      script +=
          fmt::format("complete -c puna {} -x{} -a '{}'\n", when,
                      is_flag ? " -l " + known.after.substr(2) : "", fmt::join(known.values, " "));
    }
  }
  return script;
}

}  // namespace puna

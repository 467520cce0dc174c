// Shell completion scripts made from the declared commands and flags. Pure functions.
#pragma once

#include <string>
#include <vector>

namespace puna {

// What may stand behind a flag, or behind the command itself.
struct CompletionValues {
  std::string after;
  std::vector<std::string> values;
};

struct CompletionWords {
  std::string command;
  std::vector<std::string> flags;
  std::vector<CompletionValues> values;
};

std::string bash_completion(const std::vector<CompletionWords>& commands);
std::string zsh_completion(const std::vector<CompletionWords>& commands);
std::string fish_completion(const std::vector<CompletionWords>& commands);

}  // namespace puna

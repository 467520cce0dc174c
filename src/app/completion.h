// Shell completion scripts made from the declared commands and flags. Pure functions.
#pragma once

#include <string>
#include <vector>

namespace puna {

struct CompletionWords {
  std::string command;
  std::vector<std::string> flags;
};

std::string bash_completion(const std::vector<CompletionWords>& commands);
std::string zsh_completion(const std::vector<CompletionWords>& commands);

}  // namespace puna

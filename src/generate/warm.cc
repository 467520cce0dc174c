// What conversations begin with, found without knowing the template.

#include <algorithm>
#include <utility>

#include "generate/generator.h"

namespace puna {

// What the template puts around the messages depends on what follows: so two different questions
// follow, and what their prompts have in common is taken.
Result<int> Generator::warm(const ChatMessages& messages) {
  if (messages.empty()) return invalid_argument("there is no message");
  if (messages.back().role == "user") {
    ASSIGN_OR_RETURN(std::vector<TokenId> prompt, tokenize(messages, ChatRendering()));
    return warm(std::move(prompt));
  }
  std::vector<TokenId> prompts[2];
  for (size_t i = 0; i < 2; ++i) {
    ChatMessages asked = messages;
    asked.push_back({"user", i == 0 ? "A" : "7"});
    ASSIGN_OR_RETURN(prompts[i], tokenize(asked, ChatRendering()));
  }
  const auto [end, unused] = std::ranges::mismatch(prompts[0], prompts[1]);
  prompts[0].erase(end, prompts[0].end());
  return warm(std::move(prompts[0]));
}

}  // namespace puna

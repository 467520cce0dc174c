// ChatMessage and PromptText: what goes into a chat template and what comes out of it.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"

namespace puna {

struct ChatMessage {
  std::string role;  // "system", "user", "assistant"
  std::string content;
  Json extra = {};  // an object or null: what else the message has, for templates that know it
};

// A prompt as text that remembers which bytes the template wrote. Control tokens are recognised
// only where every byte is the template's, so no text from a user can become one.
struct PromptText {
  std::string text;
  std::vector<bool> from_template;  // one per byte of text
};

}  // namespace puna

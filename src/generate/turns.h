// Turns of a conversation: each begins with a user's message. What stands before the first belongs
// to it, but for system messages, which belong to none.
#pragma once

#include <cstddef>
#include <functional>

#include "base/status.h"
#include "generate/generation_request.h"

namespace puna {

size_t turn_count(const ChatMessages& messages);
// System messages, and all turns but the oldest `count`.
ChatMessages without_oldest_turns(const ChatMessages& messages, size_t count);

struct FittedPrompt {
  TokenIds tokens;
  int dropped_messages = 0;
};

// The prompt of all turns but as few of the oldest as must go; the newest stays. `make` gives the
// prompt of what is left, kOutOfRange when that is too long.
Result<FittedPrompt> fit_turns(
    const ChatMessages& messages,
    const std::function<Result<TokenIds>(ChatMessages left, bool is_last_try)>& make);

}  // namespace puna

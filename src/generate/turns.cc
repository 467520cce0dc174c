// The order of what is left stays.

#include "generate/turns.h"

#include <algorithm>
#include <optional>

namespace puna {

size_t turn_count(const ChatMessages& messages) {
  const auto users =
      std::count_if(messages.begin(), messages.end(),
                    [](const ChatMessage& message) { return message.role == "user"; });
  return static_cast<size_t>(users);
}

ChatMessages without_oldest_turns(const ChatMessages& messages, size_t count) {
  ChatMessages left;
  size_t begun = 0;
  for (const ChatMessage& message : messages) {
    begun += message.role == "user" ? 1 : 0;
    if (message.role == "system" || begun > count || count == 0) left.push_back(message);
  }
  return left;
}

// All of them is tried first: mostly they fit. Then by halves: making a prompt takes long.
Result<FittedPrompt> fit_turns(
    const ChatMessages& messages,
    const std::function<Result<TokenIds>(ChatMessages left, bool is_last_try)>& make) {
  const size_t most = std::max<size_t>(turn_count(messages), 1) - 1;
  std::optional<FittedPrompt> fitted;
  size_t low = 0, high = most, count = 0;
  for (;;) {
    ChatMessages left = without_oldest_turns(messages, count);
    const size_t dropped = messages.size() - left.size();
    Result<TokenIds> made = make(std::move(left), count == most);
    if (made.ok()) {
      fitted =
          FittedPrompt{.tokens = *std::move(made), .dropped_messages = static_cast<int>(dropped)};
      high = count;
    } else if (made.status().code() == StatusCode::kOutOfRange && count < most) {
      low = count + 1;
    } else {
      return made.status();
    }
    // What is left to try is below `high`, or `most` itself, which was not tried yet.
    if (low >= high && fitted) return *std::move(fitted);
    count = low + (high - low) / 2;
  }
}

}  // namespace puna

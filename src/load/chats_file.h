// A JSONL of chats: each line is OpenAI's list of messages, or an object with "messages" and other
// fields of a request, which are sent along.
//
// Every user message is a question. An assistant message in the file stands for the server's answer
// in what is sent after it; where there is none, the server's own is.
#pragma once

#include <memory>
#include <string_view>

#include "base/status.h"
#include "load/scenario.h"

namespace puna {

inline constexpr size_t kChatsFileBytesMax = size_t{1} << 30;
inline constexpr size_t kChatLineBytesMax = 16 << 20;
inline constexpr size_t kChatMessagesMax = 4096;

// kInvalidArgument begins with "NAME line 3: ". Empty lines are skipped.
Result<std::unique_ptr<Scenario>> parse_chats(std::string_view text, std::string_view name);

}  // namespace puna

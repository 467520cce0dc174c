// Errors begin with the flag, and name the chat.

#include "app/warm_prefix.h"

#include "api/chat_messages.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mapped_file.h"

namespace puna {
namespace {

constexpr size_t kFileBytesMax = 4 << 20;
constexpr size_t kChatsMax = 1024;
constexpr const char* kFlag = "--warm-prefix";

Result<ChatMessages> parse_chat(const Json& chat, size_t index) {
  const Json* messages = chat.is_object() ? find_field(chat, "messages") : &chat;
  if (messages == nullptr) return invalid_argument("chat {} has no messages", index);
  auto parsed = parse_messages(*messages);
  if (!parsed.ok()) return parsed.status().with_context(fmt::format("chat {}", index));
  return parsed;
}

// Gives the number of tokens.
Result<int> warm_all(const WarmPrefix& prefix, Generator& generator) {
  if (const auto* prompt = std::get_if<std::string>(&prefix)) {
    if (!generator.has_chat_template()) return generator.warm(*prompt);
    return generator.warm(ChatMessages{{"system", *prompt}});
  }
  int token_count = 0;
  for (const ChatMessages& chat : std::get<std::vector<ChatMessages>>(prefix)) {
    ASSIGN_OR_RETURN(const int warmed, generator.warm(chat));
    token_count += warmed;
  }
  return token_count;
}

}  // namespace

Result<WarmPrefix> parse_warm_prefix(std::string_view text) {
  const size_t start = text.find_first_not_of(" \t\r\n");
  if (start == std::string_view::npos) return invalid_argument("it has no text");
  if (text[start] != '[') {
    std::string prompt(text);
    while (prompt.ends_with('\n')) prompt.pop_back();  // as of --system-prompt-file
    return WarmPrefix(std::move(prompt));
  }
  const auto list = parse_json(text);
  if (!list.ok()) return list.status().with_context("it begins as a JSON list and is none");
  if (list->empty() || list->size() > kChatsMax) {
    return invalid_argument("it has {} chats, from 1 to {}", list->size(), kChatsMax);
  }
  std::vector<ChatMessages> chats;
  for (size_t i = 0; i < list->size(); ++i) {
    ASSIGN_OR_RETURN(ChatMessages chat, parse_chat((*list)[i], i));
    chats.push_back(std::move(chat));
  }
  return WarmPrefix(std::move(chats));
}

Result<WarmPrefix> read_warm_prefix(const std::string& path) {
  const auto text = read_file(path, kFileBytesMax);
  if (!text.ok()) return text.status().with_context(kFlag);
  auto prefix = parse_warm_prefix(*text);
  if (!prefix.ok()) return prefix.status().with_context(fmt::format("{} {}", kFlag, path));
  return prefix;
}

Status warm(const WarmPrefix& prefix, Generator& generator) {
  const auto token_count = warm_all(prefix, generator);
  if (!token_count.ok()) return token_count.status().with_context(kFlag);
  log_info("{}: {} tokens computed, {} KV blocks of {} tokens kept", kFlag, *token_count,
           generator.stats().blocks_used, generator.stats().block_tokens);
  return {};
}

}  // namespace puna

// Line by line; the message says which.

#include "load/chats_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/json.h"

namespace puna {
namespace {

// What the run itself sets, or what would change what it counts.
constexpr std::array<std::string_view, 4> kOwnFields = {"model", "stream", "stream_options", "n"};
constexpr std::array<std::string_view, 5> kRoles = {"system", "developer", "user", "assistant",
                                                    "tool"};

class ChatsFile final : public Scenario {
 public:
  ChatsFile(std::string name, std::vector<std::shared_ptr<const ChatScript>> chats)
      : name_(std::move(name)), chats_(std::move(chats)) {}

  std::string describe() const override {
    return fmt::format("{}, {} chat{}", name_, chats_.size(), chats_.size() == 1 ? "" : "s");
  }
  std::shared_ptr<const ChatScript> script(uint64_t index) const override {
    return chats_[index % chats_.size()];
  }

 private:
  const std::string name_;
  const std::vector<std::shared_ptr<const ChatScript>> chats_;
};

bool is_one_of(std::string_view word, const auto& words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

Result<std::string> role_of(const Json& message, size_t index) {
  const bool has_role = message.is_object() && message.contains("role") &&
                        message["role"].is_string() &&
                        is_one_of(message["role"].get_ref<const std::string&>(), kRoles);
  if (!has_role) {
    return invalid_argument(
        R"(messages[{}] is no message: {{"role": "user", "content": "…"}}, with a role of )"
        "system, developer, user, assistant and tool",
        index);
  }
  std::string role = message["role"].get<std::string>();
  const bool has_content = message.contains("content") &&
                           (message["content"].is_string() || message["content"].is_array());
  if (!has_content && role != "assistant") {
    return invalid_argument("messages[{}] has no content, a text or a list of parts", index);
  }
  return role;
}

Result<std::vector<ScriptTurn>> turns_of(const Json& messages) {
  if (!messages.is_array()) return invalid_argument("messages is no list");
  if (messages.size() > kChatMessagesMax) {
    return invalid_argument("it has {} messages, and a chat has at most {}", messages.size(),
                            kChatMessagesMax);
  }
  std::vector<ScriptTurn> turns;
  std::string pending;  // not followed by an answer yet
  bool has_question = false;
  for (size_t i = 0; i < messages.size(); ++i) {
    ASSIGN_OR_RETURN(const std::string role, role_of(messages[i], i));
    const bool is_answer = role == "assistant" && has_question;
    if (is_answer) turns.push_back({pending, dump_json(messages[i])});
    const bool is_next = role == "user" && has_question;  // without an answer between them
    if (is_next) turns.push_back({pending, std::nullopt});
    if (is_answer || is_next) {
      pending.clear();
      has_question = false;
    }
    if (is_answer) continue;
    if (!pending.empty()) pending += ',';
    pending += dump_json(messages[i]);
    has_question = has_question || role == "user";
  }
  if (has_question) turns.push_back({pending, std::nullopt});
  if (turns.empty()) return invalid_argument("it has no message of the user");
  return turns;
}

Result<ChatScript> script_of(const Json& line) {
  ChatScript script;
  if (line.is_array()) {
    ASSIGN_OR_RETURN(script.turns, turns_of(line));
    return script;
  }
  if (!line.is_object() || !line.contains("messages")) {
    return invalid_argument("it is no list of messages, and no object with \"messages\"");
  }
  for (const auto& [name, value] : line.items()) {
    if (name == "messages") continue;
    if (is_one_of(name, kOwnFields)) {
      return invalid_argument("\"{}\" is not for a file to say: the run sets it", name);
    }
    if (!script.fields.empty()) script.fields += ',';
    script.fields += fmt::format("{}:{}", dump_json(Json(name)), dump_json(value));
  }
  ASSIGN_OR_RETURN(script.turns, turns_of(line["messages"]));
  return script;
}

bool is_blank(std::string_view line) { return line.find_first_not_of(" \t\r") == line.npos; }

Result<std::shared_ptr<const ChatScript>> parse_line(std::string_view line) {
  if (line.size() > kChatLineBytesMax) {
    return invalid_argument("it has {} bytes, and a line has at most {}", line.size(),
                            kChatLineBytesMax);
  }
  ASSIGN_OR_RETURN(const Json json, parse_json(line));
  ASSIGN_OR_RETURN(ChatScript script, script_of(json));
  return std::shared_ptr<const ChatScript>(std::make_shared<ChatScript>(std::move(script)));
}

}  // namespace

Result<std::unique_ptr<Scenario>> parse_chats(std::string_view text, std::string_view name) {
  std::vector<std::shared_ptr<const ChatScript>> chats;
  size_t number = 0;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    if (is_blank(line)) continue;
    auto script = parse_line(line);
    if (!script.ok()) return script.status().with_context(fmt::format("{} line {}", name, number));
    chats.push_back(std::move(script).value());
  }
  if (chats.empty()) return invalid_argument("{} has no chat: each line is one, as JSON", name);
  return std::unique_ptr<Scenario>(
      std::make_unique<ChatsFile>(std::string(name), std::move(chats)));
}

}  // namespace puna

// Settings have the names and ranges of the HTTP API.

#include "app/chat_text.h"

#include <algorithm>

#include "base/json.h"
#include "base/parse_number.h"
#include "base/utf8.h"

namespace puna {
namespace {

constexpr std::string_view kQuotes = "\"\"\"";
constexpr std::string_view kSettingNames = "temperature, top_p, top_k, max_tokens, seed";

template <typename Number>
Status read_number(std::string_view name, std::string_view text, Number least, Number most,
                   std::optional<Number>& out) {
  if (text.empty()) {
    out.reset();
    return {};
  }
  const auto value = parse_number<Number>(text);
  if (!value || !(*value >= least) || !(*value <= most)) {
    return invalid_argument("{} {}: expected a number from {} to {}", name, text, least, most);
  }
  out = value;
  return {};
}

template <typename Number>
std::string setting_line(std::string_view name, const std::optional<Number>& value) {
  return value ? fmt::format("{:<12}{}\n", name, *value)
               : fmt::format("{:<12}the model's own\n", name);
}

Result<ChatTurn> parse_turn(const Json& json, std::string_view origin) {
  ChatTurn turn;
  const bool has_texts = json.is_object() && json.contains("role") && json["role"].is_string() &&
                         json.contains("content") && json["content"].is_string();
  if (!has_texts) {
    return invalid_argument("{}: each message has a role and a content that are texts", origin);
  }
  turn.role = json["role"].get<std::string>();
  turn.content = json["content"].get<std::string>();
  if (turn.role == "system" || turn.role == "user" || turn.role == "assistant") return turn;
  return invalid_argument("{}: role {}: expected system, user or assistant", origin,
                          escape_for_terminal(turn.role));
}

}  // namespace

bool QuestionLines::add(std::string_view line) {
  if (!open_ && line.starts_with(kQuotes)) {
    quoted_ = open_ = true;
    line.remove_prefix(kQuotes.size());
    if (line.empty()) return false;
  }
  if (quoted_) {
    const bool ends = line.ends_with(kQuotes);
    if (ends) line.remove_suffix(kQuotes.size());
    if (!text_.empty() && !(ends && line.empty())) text_ += '\n';
    text_ += line;
    open_ = !ends;
    return ends;
  }
  const bool goes_on = line.ends_with('\\');
  if (goes_on) line.remove_suffix(1);
  if (open_) text_ += '\n';
  text_ += line;
  open_ = goes_on;
  return !goes_on;
}

std::string QuestionLines::take() {
  open_ = quoted_ = false;
  return std::exchange(text_, {});
}

std::string conversation_text(const std::vector<ChatTurn>& turns) {
  OrderedJson json;
  json["messages"] = OrderedJson::array();
  for (const ChatTurn& turn : turns) {
    OrderedJson message;
    message["role"] = turn.role;
    message["content"] = turn.content;
    json["messages"].push_back(std::move(message));
  }
  return json.dump(2, ' ', false, OrderedJson::error_handler_t::replace) + "\n";
}

Result<std::vector<ChatTurn>> parse_conversation(std::string_view text, std::string_view origin) {
  const auto parsed = parse_json(text);
  if (!parsed.ok()) return invalid_argument("{}: {}", origin, parsed.status().message());
  const Json* list = &*parsed;
  if (list->is_object() && list->contains("messages")) list = &(*parsed)["messages"];
  if (!list->is_array()) {
    return invalid_argument("{}: not a conversation: expected {{\"messages\": […]}}", origin);
  }
  std::vector<ChatTurn> turns;
  for (const Json& message : *list) {
    ASSIGN_OR_RETURN(ChatTurn turn, parse_turn(message, origin));
    turns.push_back(std::move(turn));
  }
  return turns;
}

Status change_setting(std::string_view words, ChatSettings& settings) {
  const size_t space = words.find(' ');
  const std::string_view name = words.substr(0, space);
  std::string_view value = space == words.npos ? "" : words.substr(space + 1);
  value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
  constexpr int kMost = 1 << 24;
  if (name == "temperature") return read_number(name, value, 0.0, 2.0, settings.temperature);
  if (name == "top_p") return read_number(name, value, 1e-6, 1.0, settings.top_p);
  if (name == "top_k") return read_number(name, value, 0, kMost, settings.top_k);
  if (name == "max_tokens") return read_number(name, value, 1, kMost, settings.max_tokens);
  if (name == "seed") {
    return read_number(name, value, uint64_t{0}, uint64_t{INT64_MAX}, settings.seed);
  }
  return invalid_argument("there is no setting {}; there are {}", escape_for_terminal(name),
                          kSettingNames);
}

std::string describe(const ChatSettings& settings) {
  return setting_line("temperature", settings.temperature) + setting_line("top_p", settings.top_p) +
         setting_line("top_k", settings.top_k) + setting_line("max_tokens", settings.max_tokens) +
         setting_line("seed", settings.seed);
}

}  // namespace puna

// A message's role and content are Puna's to check; what else it has is the template's, as in
// transformers, but for what no template here can mean.

#include "api/chat_messages.h"

#include <algorithm>

#include "api/field_policy.h"

namespace puna {
namespace {

// What OpenAI's clients send back with an answer of the model and what tools would need.
constexpr std::string_view kUnsupported[] = {"tool_calls", "function_call", "tool_call_id",
                                             "refusal",    "audio",         "annotations"};

bool is_empty(const Json& value) {
  return value.is_null() || ((value.is_array() || value.is_object()) && value.empty());
}

Result<std::string> parse_part(const Json& part, const std::string& place) {
  const bool is_text = part.is_object() && part.value("type", Json()) == "text" &&
                       part.contains("text") && part["text"].is_string();
  if (!is_text) {
    return invalid_argument("{}: only parts {{\"type\": \"text\", \"text\": …}} are supported",
                            place)
        .about(place);
  }
  // cache_control is a hint for speed that some clients send.
  RETURN_IF_ERROR(refuse_unknown_fields(part, {"type", "text", "cache_control"}, place + "."));
  return part["text"].get<std::string>();
}

// A string, or a list of {"type": "text", "text": …}.
Result<std::string> parse_content(const Json& content, const std::string& place) {
  if (content.is_string()) return content.get<std::string>();
  if (!content.is_array()) {
    return invalid_field(place, "must be a string, not {}", type_of(content));
  }
  std::string text;
  for (size_t i = 0; i < content.size(); ++i) {
    ASSIGN_OR_RETURN(const std::string part,
                     parse_part(content[i], fmt::format("{}[{}]", place, i)));
    text += part;
  }
  return text;
}

Status check_role(const Json& role, const std::string& place) {
  if (role == "tool" || role == "function") {
    return invalid_field(place, "is {}, and there are no tools", dump_json(role));
  }
  if (role != "system" && role != "developer" && role != "user" && role != "assistant") {
    return invalid_field(place, "must be system, user or assistant, not {}",
                         role.is_null() ? "absent" : dump_json(role).substr(0, 64));
  }
  return {};
}

Result<ChatMessage> parse_message(const Json& json, size_t index) {
  const std::string place = fmt::format("messages[{}]", index);
  if (!json.is_object()) {
    return invalid_field(place, "must be an object, not {}", type_of(json));
  }
  const Json role = json.value("role", Json());
  RETURN_IF_ERROR(check_role(role, place + ".role"));
  for (const std::string_view name : kUnsupported) {
    const auto found = json.find(name);
    if (found != json.end() && !is_empty(*found)) {
      return invalid_field(fmt::format("{}.{}", place, name), "is not supported; leave it out");
    }
  }
  const auto content = json.find("content");
  if (content == json.end() || content->is_null()) {
    return invalid_field(place + ".content", "is missing");
  }
  ChatMessage message;
  // "developer" is OpenAI's newer name of the same role.
  message.role = role == "developer" ? "system" : role.get<std::string>();
  ASSIGN_OR_RETURN(message.content, parse_content(*content, place + ".content"));
  for (const auto& [name, value] : json.items()) {
    const bool is_ours =
        name == "role" || name == "content" ||
        std::find(std::begin(kUnsupported), std::end(kUnsupported), name) != std::end(kUnsupported);
    if (!is_ours && !value.is_null()) message.extra[name] = value;
  }
  return message;
}

}  // namespace

Result<ChatMessages> parse_messages(const Json& messages) {
  if (!messages.is_array() || messages.empty() || messages.size() > kMessagesMax) {
    return invalid_field("messages", "must be a list of 1 to {} messages", kMessagesMax);
  }
  ChatMessages parsed;
  for (size_t i = 0; i < messages.size(); ++i) {
    ASSIGN_OR_RETURN(ChatMessage message, parse_message(messages[i], i));
    parsed.push_back(std::move(message));
  }
  return parsed;
}

Status store_template_variables(const Json& value, ChatRendering& chat) {
  if (!value.is_object()) {
    return invalid_field("chat_template_kwargs", "must be an object, not {}", type_of(value));
  }
  chat.variables = value;
  return {};
}

std::string_view message_schema() {
  return R"({"type": "object", "required": ["role", "content"],
    "description": "Names besides these are what the chat template makes of them.",
    "properties": {
      "role": {"enum": ["system", "developer", "user", "assistant"]},
      "content": {"anyOf": [{"type": "string"}, {"type": "array", "items": {
        "type": "object", "required": ["type", "text"],
        "properties": {"type": {"const": "text"}, "text": {"type": "string"}}}}]}}})";
}

}  // namespace puna

// Fields of another type than OpenAI's are as if they were not there.

#include "load/answer_reader.h"

#include <algorithm>

namespace puna {
namespace {

constexpr std::string_view kData = "data:";
constexpr int64_t kTokensMax = int64_t{1} << 40;

const Json* member(const Json& json, const char* name) {
  if (!json.is_object()) return nullptr;
  const auto found = json.find(name);
  return found == json.end() || found->is_null() ? nullptr : &*found;
}

std::string text_member(const Json& json, const char* name) {
  const Json* found = member(json, name);
  return found != nullptr && found->is_string() ? found->get<std::string>() : "";
}

int64_t count_member(const Json& json, const char* name) {
  const Json* found = member(json, name);
  if (found == nullptr || !found->is_number_integer()) return 0;
  return std::clamp(found->get<int64_t>(), int64_t{0}, kTokensMax);
}

std::string said_error(const Json& json) {
  const Json* failure = member(json, "error");
  if (failure == nullptr) return "";
  const std::string message =
      failure->is_string() ? failure->get<std::string>() : text_member(*failure, "message");
  return message.empty() ? "the server failed" : message;
}

}  // namespace

int AnswerReader::add(std::string_view bytes) {
  int pieces = 0;
  for (size_t end = bytes.find('\n'); end != bytes.npos; end = bytes.find('\n')) {
    if (pending_.empty()) {
      pieces += take_line(bytes.substr(0, end));
    } else {
      pending_ += bytes.substr(0, end);
      pieces += take_line(pending_);
      pending_.clear();
    }
    bytes.remove_prefix(end + 1);
  }
  if (pending_.size() + bytes.size() <= kAnswerLineBytesMax) {
    pending_ += bytes;
  } else {
    pending_.clear();
    error_ = "a line of the answer is too long";
  }
  return pieces;
}

int AnswerReader::take_line(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line.starts_with(kData) ? take_event(line.substr(kData.size())) : 0;
}

int AnswerReader::take_event(std::string_view data) {
  const auto json = parse_json(data);
  if (!json.ok() || !json->is_object()) {
    has_finished_ = has_finished_ || data.find("[DONE]") != data.npos;
    return 0;
  }
  if (const std::string failure = said_error(*json); !failure.empty()) error_ = failure;
  if (const Json* usage = member(*json, "usage")) take_usage(*usage);
  const Json* choices = member(*json, "choices");
  if (choices == nullptr || !choices->is_array()) return 0;
  has_events_ = true;
  if (choices->empty()) return 0;
  const Json& choice = choices->front();
  has_finished_ = has_finished_ || member(choice, "finish_reason") != nullptr;
  const Json* delta = member(choice, "delta");
  return delta != nullptr && take_delta(*delta) ? 1 : 0;
}

// What a model thinks, and tools that it calls, are tokens as well.
bool AnswerReader::take_delta(const Json& delta) {
  const std::string content = text_member(delta, "content");
  text_ += content;
  const bool has_tokens = !content.empty() || !text_member(delta, "reasoning_content").empty() ||
                          !text_member(delta, "reasoning").empty() ||
                          member(delta, "tool_calls") != nullptr;
  pieces_ += has_tokens ? 1 : 0;
  return has_tokens;
}

void AnswerReader::take_usage(const Json& usage) {
  usage_tokens_ = count_member(usage, "completion_tokens");
  prompt_tokens_ = count_member(usage, "prompt_tokens");
  const Json* details = member(usage, "prompt_tokens_details");
  cached_tokens_ = details == nullptr ? 0 : count_member(*details, "cached_tokens");
}

std::string refusal_message(std::string_view body) {
  const auto json = parse_json(body);
  return json.ok() ? said_error(*json) : "";
}

}  // namespace puna

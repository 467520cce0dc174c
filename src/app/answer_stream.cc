// Fields of another type than OpenAI's are as if they were not there.

#include "app/answer_stream.h"

#include <algorithm>

namespace puna {
namespace {

constexpr std::string_view kData = "data:";

// nullptr when it is not there, or another kind of value.
const Json* find(const Json& json, const char* name, bool (Json::*is_kind)() const noexcept) {
  if (!json.is_object()) return nullptr;
  const auto found = json.find(name);
  return found != json.end() && ((*found).*is_kind)() ? &*found : nullptr;
}

// "" when there is none: llama-server and others write {"error": "text"} too.
std::string error_message(const Json& json) {
  const Json* failure = find(json, "error", &Json::is_object);
  return failure == nullptr ? text_of(json, "error") : text_of(*failure, "message");
}

StatusCode code_of(long http_status) {
  switch (http_status) {
    case 401:
    case 403:
      return StatusCode::kUnauthenticated;
    case 404:
      return StatusCode::kNotFound;
    case 429:
    case 503:
      return StatusCode::kUnavailable;
    default:
      return StatusCode::kInvalidArgument;
  }
}

}  // namespace

std::string text_of(const Json& json, const char* name) {
  const Json* found = find(json, name, &Json::is_string);
  return found == nullptr ? "" : found->get<std::string>();
}

int count_of(const Json& json, const char* name) {
  constexpr int64_t kCountMax = INT32_MAX;
  const Json* found = find(json, name, &Json::is_number_integer);
  return found == nullptr
             ? 0
             : static_cast<int>(std::clamp(found->get<int64_t>(), int64_t{0}, kCountMax));
}

AnswerStream::AnswerStream(const ChatModel::OnText& on_text) : on_text_(on_text) {}

bool AnswerStream::add(std::string_view bytes) {
  size_t begin = 0;
  for (size_t end = bytes.find('\n'); end != bytes.npos; end = bytes.find('\n', begin)) {
    if (is_stopped_ || !status_.ok()) return false;
    pending_ += bytes.substr(begin, end - begin);
    begin = end + 1;
    std::string_view line = pending_;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.starts_with(kData)) take_event(line.substr(kData.size()));
    pending_.clear();
  }
  pending_ += bytes.substr(begin);
  if (pending_.size() > kServerReplyBytesMax) {
    status_ = invalid_argument("the server's answer has a line of more than {} bytes",
                               kServerReplyBytesMax);
  }
  return !is_stopped_ && status_.ok();
}

bool AnswerStream::look_for_stop() {
  is_stopped_ = is_stopped_ || !on_text_("");
  return !is_stopped_;
}

Result<ChatAnswerEnd> AnswerStream::end() const {
  ChatAnswerEnd end = end_;
  if (is_stopped_) end.finish_reason = "cancelled";
  RETURN_IF_ERROR(status_);
  if (end.finish_reason.empty()) {
    return error(StatusCode::kUnavailable, "the server's answer broke off");
  }
  if (first_ == Clock::time_point()) return end;
  end.first_token_seconds = std::chrono::duration<double>(first_ - started_).count();
  end.set_rate(std::chrono::duration<double>(last_ - first_).count());
  return end;
}

void AnswerStream::take_event(std::string_view data) {
  const auto json = parse_json(data);
  if (!json.ok() || !json->is_object()) return;  // "[DONE]"
  if (json->contains("error") && !(*json)["error"].is_null()) {
    const std::string message = error_message(*json);
    status_ = Status(StatusCode::kInternal, message.empty() ? "the server failed" : message);
  }
  if (const Json* usage = find(*json, "usage", &Json::is_object)) {
    end_.prompt_tokens = count_of(*usage, "prompt_tokens");
    end_.completion_tokens = count_of(*usage, "completion_tokens");
  }
  const Json* choices = find(*json, "choices", &Json::is_array);
  if (choices == nullptr || choices->empty()) return;
  const Json& choice = choices->front();
  const std::string reason = text_of(choice, "finish_reason");
  if (!reason.empty()) end_.finish_reason = reason;
  if (const Json* delta = find(choice, "delta", &Json::is_object)) {
    take_text(text_of(*delta, "content"));
  }
}

void AnswerStream::take_text(const std::string& text) {
  if (text.empty()) return;
  last_ = Clock::now();
  if (first_ == Clock::time_point()) first_ = last_;
  is_stopped_ = !on_text_(text);
}

Status refusal(long http_status, std::string_view body, std::string_view url) {
  const auto json = parse_json(body);
  std::string message = json.ok() ? error_message(*json) : "";
  if (message.empty()) message = fmt::format("{} answers {}", url, http_status);
  if (http_status == 401) message += " (--api-key or PUNA_API_KEY)";
  return Status(code_of(http_status), message);
}

bool is_for_good(std::string_view body) {
  const auto json = parse_json(body);
  const Json* failure = json.ok() ? find(*json, "error", &Json::is_object) : nullptr;
  return failure != nullptr && text_of(*failure, "code") == "unhealthy";
}

}  // namespace puna

// The table of docs/STYLE.md: what kind of error gets which HTTP status.

#include "api/error_response.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string_view>

#include "base/json.h"

namespace puna {
namespace {

constexpr std::string_view kWordsThatAreFields[] = {
    "audio",  "echo",   "functions",   "logprobs", "messages", "modalities",
    "model",  "n",      "prompt",      "sentence", "seed",     "stop",
    "stream", "suffix", "temperature", "tokens",   "tools"};

// The field that a message begins with: "temperature is 3, …", "messages[0].role must be …".
std::optional<std::string> leading_field(std::string_view message) {
  const size_t end = message.find_first_not_of("abcdefghijklmnopqrstuvwxyz_0123456789[].");
  const std::string_view field = message.substr(0, end);
  const std::string_view word = field.substr(0, field.find_first_of("[."));
  const bool is_refused = end != message.npos && message.substr(end).starts_with(" is not ");
  const bool is_field = is_refused || word.find('_') != word.npos ||
                        std::find(std::begin(kWordsThatAreFields), std::end(kWordsThatAreFields),
                                  word) != std::end(kWordsThatAreFields);
  return is_field ? std::optional<std::string>(field) : std::nullopt;
}

OrderedJson or_null(const std::optional<std::string>& text) {
  return text ? OrderedJson(*text) : OrderedJson(nullptr);
}

}  // namespace

ApiError bad_request(std::string message, std::optional<std::string> param) {
  ApiError error;
  error.message = std::move(message);
  error.param = std::move(param);
  return error;
}

ApiError unknown_model(std::string message) {
  ApiError error = bad_request(std::move(message), "model");
  error.status = 404;
  error.code = "model_not_found";
  return error;
}

ApiError to_api_error(const Status& status, int retry_after_seconds) {
  ApiError error = bad_request(status.message());
  switch (status.code()) {
    case StatusCode::kInvalidArgument:
    case StatusCode::kFailedPrecondition:
      error.param = status.field().empty() ? leading_field(status.message()) : status.field();
      break;
    case StatusCode::kOutOfRange:
      error.code = "context_length_exceeded";
      break;
    case StatusCode::kResourceExhausted:
      error.status = 503;
      error.type = "overloaded_error";
      error.code = "overloaded";
      error.retry_after_seconds = retry_after_seconds;
      break;
    case StatusCode::kUnavailable:
    case StatusCode::kCancelled:
      error.status = 503;
      error.type = "unavailable_error";
      error.code = "unavailable";
      error.retry_after_seconds = retry_after_seconds;
      break;
    default:
      error.status = 500;
      error.type = "server_error";
      break;
  }
  return error;
}

std::string error_body(const ApiError& error) {
  OrderedJson body;
  body["error"]["message"] = error.message;
  body["error"]["type"] = error.type;
  body["error"]["param"] = or_null(error.param);
  body["error"]["code"] = or_null(error.code);
  return dump_json(body);
}

HttpReply to_reply(const ApiError& error) {
  HttpReply reply;
  reply.status = error.status;
  reply.body = error_body(error);
  if (error.retry_after_seconds > 0) {
    reply.headers.emplace_back("Retry-After", std::to_string(error.retry_after_seconds));
  }
  if (error.status == 401) reply.headers.emplace_back("WWW-Authenticate", "Bearer");
  return reply;
}

}  // namespace puna

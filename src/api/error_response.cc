// The table of docs/STYLE.md: what kind of error gets which HTTP status.

#include "api/error_response.h"

#include "base/json.h"

namespace puna {
namespace {

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
  if (!status.field().empty()) error.param = status.field();
  switch (status.code()) {
    case StatusCode::kInvalidArgument:
    case StatusCode::kFailedPrecondition:
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
    case StatusCode::kDeadlineExceeded:
      error.status = 504;
      error.type = "timeout_error";
      error.code = "deadline_exceeded";
      error.is_final = true;
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
  if (error.is_final) reply.headers.emplace_back("x-should-retry", "false");  // OpenAI's clients
  if (error.status == 401) reply.headers.emplace_back("WWW-Authenticate", "Bearer");
  return reply;
}

}  // namespace puna

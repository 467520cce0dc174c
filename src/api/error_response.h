// ApiError: one shape for every failure: {"error": {"message", "type", "param", "code"}}.
#pragma once

#include <optional>
#include <string>

#include "base/status.h"
#include "http/http_message.h"

namespace puna {

struct ApiError {
  int status = 400;
  std::string message;
  std::string type = "invalid_request_error";
  std::optional<std::string> param;
  std::optional<std::string> code;
  int retry_after_seconds = 0;  // 0: no Retry-After
  bool is_final = false;        // the same request again would be refused again
};

ApiError bad_request(std::string message, std::optional<std::string> param = std::nullopt);

// 404 model_not_found.
ApiError unknown_model(std::string message);

// By code: 400, 503 with Retry-After, 504 or 500. A message that begins with a field's name gets it
// as param.
ApiError to_api_error(const Status& status, int retry_after_seconds);

std::string error_body(const ApiError& error);
HttpReply to_reply(const ApiError& error);

}  // namespace puna

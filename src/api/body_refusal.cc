// JSON as it is, and nothing else.

#include "api/body_refusal.h"

#include <string_view>

#include "api/error_response.h"
#include "http/letter_case.h"

namespace puna {
namespace {

// A form of another origin's page cannot send this type without asking first.
bool is_json(std::string_view content_type) {
  const std::string_view type = content_type.substr(0, content_type.find_first_of("; \t"));
  return same_letters(type, "application/json");
}

bool has_body(const HttpRequest& head) {
  const std::string_view length = head.header("content-length");
  return !head.header("transfer-encoding").empty() || (!length.empty() && length != "0");
}

}  // namespace

std::optional<HttpReply> body_refusal(const HttpRequest& head) {
  if (head.method != "POST" || !has_body(head)) return std::nullopt;
  const char* message = nullptr;
  if (!is_json(head.header("content-type"))) {
    message = "Content-Type must be application/json";
  } else if (!head.header("content-encoding").empty()) {
    message = "Content-Encoding is not supported; send the JSON as it is";
  }
  if (message == nullptr) return std::nullopt;
  ApiError error = bad_request(message);
  error.status = 415;
  error.code = "unsupported_media_type";
  return to_reply(error);
}

}  // namespace puna

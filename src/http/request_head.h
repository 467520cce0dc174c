// The head of a request as RFC 9112 wants it: request line and fields, and where the body ends.
//
// Two readers of one request must never see two requests, so whatever could be read in two ways is
// refused: bare CR or LF, folded lines, spaces before a colon, two lengths, two hosts.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "http/http_message.h"

namespace puna {

struct RequestHead {
  HttpRequest request;             // as far as it could be read, even when there is an error
  std::optional<HttpError> error;  // why this is no request that can be answered
  uint64_t body_bytes = 0;         // of Content-Length
  bool chunked = false;            // the body's length shows as it comes
  bool keep_alive = false;         // the client wants to send more requests
  bool expects_continue = false;   // the body comes after "100 Continue"

  bool has_body() const { return chunked || body_bytes > 0; }
};

// Which byte from `begin` on may not stand in a head, as soon as it has come; `bytes` may end
// anywhere.
std::optional<HttpError> check_head_bytes(std::string_view bytes, size_t begin = 0);

// `text` is all of a head, up to and with its empty line; or what there is of it, when it is cut.
RequestHead parse_request_head(std::string_view text);

// "name: value" with a valid name, as fields and trailers are; the value without spaces around it.
std::optional<std::pair<std::string_view, std::string_view>> parse_field(std::string_view line);

// The elements of a list "a, b ,c"; empty ones are left out.
std::vector<std::string_view> split_list(std::string_view list);

}  // namespace puna

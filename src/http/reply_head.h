// The head of a reply as text.
#pragma once

#include <cstddef>
#include <ctime>
#include <optional>
#include <string>

#include "http/http_message.h"

namespace puna {

struct ReplyHead {
  int status = 200;
  std::string content_type;  // empty: none
  HttpHeaders headers;
  bool keep_alive = true;
  bool is_http_1_0 = false;          // of the request
  std::optional<size_t> body_bytes;  // absent: a body of unknown length, in chunks
};

// Status line, fields and the empty line. 204 and 304 say nothing of a length.
std::string to_text(const ReplyHead& head, std::time_t now);

// "Sun, 06 Nov 1994 08:49:37 GMT"
std::string http_date(std::time_t time);

}  // namespace puna

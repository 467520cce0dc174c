// What the head of a request says of a body that cannot be read.
#pragma once

#include <optional>

#include "http/http_message.h"

namespace puna {

// 415: why the body of a request is not read, or nothing.
std::optional<HttpReply> body_refusal(const HttpRequest& head);

}  // namespace puna

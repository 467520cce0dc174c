// Whose request it is, from its head: X-Request-Id and traceparent.
#pragma once

#include <optional>
#include <string_view>

#include "base/request_origin.h"
#include "base/status.h"
#include "http/http_message.h"

namespace puna {

// The client's id if it is harmless in a header and a log, else a new one.
std::string request_id_of(const HttpRequest& head);

// The seconds of X-Request-Timeout, within kTimeoutSecondsMax; nothing when it is absent.
Result<std::optional<double>> parse_timeout(std::string_view text);

// "00-<32 hex digits>-<16>-<2>" of W3C Trace Context; nothing when it is not valid.
std::optional<TraceContext> parse_traceparent(std::string_view text);

}  // namespace puna

// Both come from outside and go into logs and headers, so only known letters pass.

#include "api/request_origin.h"

#include <fmt/format.h>

#include <charconv>
#include <span>

#include "api/request_fields.h"
#include "base/parse_number.h"
#include "base/random_seed.h"

namespace puna {
namespace {

constexpr size_t kRequestIdBytesMax = 128;

bool read_hex(std::string_view digits, std::span<uint8_t> bytes) {
  for (size_t i = 0; i < bytes.size(); ++i) {
    const char* begin = digits.data() + 2 * i;
    const auto [end, code] = std::from_chars(begin, begin + 2, bytes[i], 16);
    if (code != std::errc() || end != begin + 2) return false;
  }
  return digits.find_first_not_of("0123456789abcdef") == digits.npos;
}

}  // namespace

std::string request_id_of(const HttpRequest& head) {
  const std::string_view given = head.header("x-request-id");
  const bool harmless = !given.empty() && given.size() <= kRequestIdBytesMax &&
                        given.find_first_not_of(
                            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                            "0123456789._-") == given.npos;
  return harmless ? std::string(given) : fmt::format("req-{:016x}", random_seed());
}

Result<std::optional<double>> parse_timeout(std::string_view text) {
  if (text.empty()) return std::optional<double>();
  const auto seconds = parse_number<double>(text);
  if (seconds && *seconds > 0 && *seconds <= kTimeoutSecondsMax) return seconds;
  return invalid_argument("X-Request-Timeout must be a number of seconds above 0, at most {}",
                          kTimeoutSecondsMax);
}

std::optional<TraceContext> parse_traceparent(std::string_view text) {
  constexpr size_t kSize = 55;
  const bool shaped =
      text.size() == kSize && text.starts_with("00-") && text[35] == '-' && text[52] == '-';
  if (!shaped) return std::nullopt;
  TraceContext trace;
  const bool valid = read_hex(text.substr(3, 32), trace.trace_id) &&
                     read_hex(text.substr(36, 16), trace.span_id) &&
                     read_hex(text.substr(53, 2), std::span(&trace.flags, 1));
  const TraceContext none;
  if (!valid || trace.trace_id == none.trace_id || trace.span_id == none.span_id) {
    return std::nullopt;
  }
  return trace;
}

}  // namespace puna

// What RFC 9110 and 9112 say about fields that are the server's and not the program's.

#include "http/reply_head.h"

#include <fmt/format.h>

#include <boost/beast/http/status.hpp>
#include <iterator>
#include <string_view>

namespace puna {
namespace {

std::string_view reason_of(int status) {
  const auto reason = boost::beast::http::obsolete_reason(
      boost::beast::http::int_to_status(static_cast<unsigned>(status)));
  return {reason.data(), reason.size()};
}

}  // namespace

std::string http_date(std::time_t time) {
  static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::tm utc{};
  gmtime_r(&time, &utc);
  return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} GMT", kDays[utc.tm_wday], utc.tm_mday,
                     kMonths[utc.tm_mon], utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
}

std::string to_text(const ReplyHead& head, std::time_t now) {
  std::string text = fmt::format("HTTP/1.1 {} {}\r\n", head.status, reason_of(head.status));
  const auto add = [&text](std::string_view name, std::string_view value) {
    fmt::format_to(std::back_inserter(text), "{}: {}\r\n", name, value);
  };
  add("Date", http_date(now));
  if (!head.content_type.empty()) add("Content-Type", head.content_type);
  for (const auto& [name, value] : head.headers) add(name, value);
  if (!head.keep_alive) {
    add("Connection", "close");
  } else if (head.is_http_1_0) {
    add("Connection", "keep-alive");
  }
  const bool never_has_body = head.status == 204 || head.status == 304;
  if (head.body_bytes) {
    if (!never_has_body) add("Content-Length", std::to_string(*head.body_bytes));
  } else if (!head.is_http_1_0) {
    add("Transfer-Encoding", "chunked");
  }
  return text + "\r\n";
}

}  // namespace puna

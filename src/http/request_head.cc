// One line after the other; the first fault is kept, and reading goes on for what a refusal needs
// to know (whose request it is, and from which page).

#include "http/request_head.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "http/letter_case.h"

namespace puna {
namespace {

constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return kLetters.find(c) != kLetters.npos || (c >= '0' && c <= '9') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

std::string_view trim(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t");
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

class HeadParser {
 public:
  RequestHead parse(std::string_view text) {
    read_request_line(take_line(text));
    while (!text.empty()) {
      const std::string_view line = take_line(text);
      if (!line.empty()) read_field(line);
    }
    check_host();
    read_framing();
    read_connection();
    return std::move(head_);
  }

 private:
  static std::string_view take_line(std::string_view& text) {
    const size_t end = std::min(text.find("\r\n"), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 2, text.size()));
    return line;
  }

  template <typename... Args>
  void fail(int status, fmt::format_string<Args...> format, Args&&... args) {
    if (head_.error) return;
    head_.error = HttpError{status, "", fmt::format(format, std::forward<Args>(args)...)};
  }

  void read_request_line(std::string_view line) {
    const size_t first = line.find(' '), last = line.rfind(' ');
    const std::string_view method = line.substr(0, first);
    if (is_token(method)) head_.request.method = method;
    if (first == line.npos || first == last || !is_token(method)) {
      fail(400, "the first line of a request is METHOD TARGET HTTP/1.1, one space between them");
      return;
    }
    read_version(line.substr(last + 1));
    read_target(line.substr(first + 1, last - first - 1));
  }

  void read_version(std::string_view version) {
    const bool valid = version.size() == 8 && version.starts_with("HTTP/") && version[6] == '.' &&
                       version[5] >= '0' && version[5] <= '9' && version[7] >= '0' &&
                       version[7] <= '9';
    if (!valid) return fail(400, "the request line must end with HTTP/1.1");
    if (version[5] != '1') return fail(400, "{} is not spoken here; use HTTP/1.1", version);
    head_.request.is_http_1_0 = version[7] == '0';
  }

  void read_target(std::string_view target) {
    const bool printable =
        std::all_of(target.begin(), target.end(), [](char c) { return c > ' ' && c < 0x7f; });
    if (target.empty() || !printable || target.find('#') != target.npos) {
      return fail(400,
                  "the target of a request is a path of printable ASCII; escape others as %XX");
    }
    head_.request.target = target;
    const std::string& method = head_.request.method;
    if (target.starts_with('/') || method == "CONNECT") return;
    if (target == "*" && method == "OPTIONS") return;
    read_absolute_target(target);
  }

  // "http://host:port/path", as proxies ask: its host counts, whatever the Host field says.
  void read_absolute_target(std::string_view target) {
    const size_t begin = target.find("://");
    const std::string_view scheme = target.substr(0, begin);
    if (begin != target.npos && same_letters(scheme, "https")) {
      return fail(421, "this connection is not encrypted, and the target is https");
    }
    if (begin == target.npos || !same_letters(scheme, "http")) {
      return fail(400, "the target of a request begins with / or http://");
    }
    const std::string_view rest = target.substr(begin + 3);
    const size_t end = std::min(rest.find_first_of("/?"), rest.size());
    if (end == 0 || rest.substr(0, end).find('@') != rest.npos) {
      return fail(400, "the target of a request has a host that is not valid");
    }
    target_host_ = rest.substr(0, end);
    const std::string_view path = rest.substr(end);
    head_.request.target = fmt::format("{}{}", path.starts_with('/') ? "" : "/", path);
  }

  void read_field(std::string_view line) {
    if (line.starts_with(' ') || line.starts_with('\t')) {
      return fail(400, "a header line begins with a space; folded lines are not read");
    }
    const auto field = parse_field(line);
    if (!field) {
      return fail(400, "a header line is not \"Name: value\"; no space may stand before the colon");
    }
    head_.request.headers.emplace_back(lower_case(field->first), field->second);
  }

  std::vector<std::string_view> values(std::string_view name) const {
    std::vector<std::string_view> found;
    for (const auto& [key, value] : head_.request.headers) {
      if (key == name) found.emplace_back(value);
    }
    return found;
  }

  bool lists(std::string_view name, std::string_view wanted) const {
    for (const std::string_view value : values(name)) {
      for (const std::string_view element : split_list(value)) {
        if (same_letters(element, wanted)) return true;
      }
    }
    return false;
  }

  void check_host() {
    const size_t count = values("host").size();
    if (count > 1 || (count == 0 && !head_.request.is_http_1_0)) {
      fail(400, "the request needs one Host header");
    }
    if (target_host_.empty()) return;
    auto& headers = head_.request.headers;
    std::erase_if(headers, [](const auto& field) { return field.first == "host"; });
    headers.emplace_back("host", target_host_);
  }

  void read_framing() {
    const auto lengths = values("content-length"), encodings = values("transfer-encoding");
    if (!encodings.empty()) {
      if (!lengths.empty()) {
        return fail(400, "Content-Length and Transfer-Encoding exclude each other");
      }
      if (head_.request.is_http_1_0) return fail(400, "HTTP/1.0 has no Transfer-Encoding");
      return read_encodings(encodings);
    }
    if (lengths.empty()) return;
    const std::string_view length = lengths[0];
    const bool digits = !length.empty() && length.find_first_not_of("0123456789") == length.npos;
    const auto [end, code] =
        std::from_chars(length.data(), length.data() + length.size(), head_.body_bytes);
    if (lengths.size() > 1 || !digits || code != std::errc()) {
      head_.body_bytes = 0;
      fail(400, "Content-Length must be one number of bytes");
    }
  }

  void read_encodings(const std::vector<std::string_view>& encodings) {
    std::vector<std::string_view> codings;
    for (const std::string_view encoding : encodings) {
      for (const std::string_view coding : split_list(encoding)) codings.push_back(coding);
    }
    const auto is_chunked = [](std::string_view coding) { return same_letters(coding, "chunked"); };
    const auto chunks = std::count_if(codings.begin(), codings.end(), is_chunked);
    // Without "chunked" at its end nobody knows where the body ends (RFC 9112 6.3).
    if (codings.empty() || chunks > 1 || (chunks == 1 && !is_chunked(codings.back()))) {
      return fail(400, "Transfer-Encoding must be chunked, or end with it once");
    }
    if (codings.size() > 1 || chunks == 0) {
      return fail(501, "the only Transfer-Encoding is chunked");
    }
    head_.chunked = true;
  }

  void read_connection() {
    head_.keep_alive = !lists("connection", "close") &&
                       (!head_.request.is_http_1_0 || lists("connection", "keep-alive"));
    if (head_.request.is_http_1_0) return;  // knows neither Expect nor 100
    const auto expectations = values("expect");
    for (const std::string_view expectation : expectations) {
      if (!same_letters(expectation, "100-continue")) {
        fail(417, "the only Expect is 100-continue");
      }
    }
    head_.expects_continue = !expectations.empty();
  }

  RequestHead head_;
  std::string target_host_;
};

}  // namespace

std::optional<std::pair<std::string_view, std::string_view>> parse_field(std::string_view line) {
  const size_t colon = line.find(':');
  if (colon == line.npos || !is_token(line.substr(0, colon))) return std::nullopt;
  return std::make_pair(line.substr(0, colon), trim(line.substr(colon + 1)));
}

std::vector<std::string_view> split_list(std::string_view list) {
  std::vector<std::string_view> elements;
  while (!list.empty()) {
    const size_t end = std::min(list.find(','), list.size());
    const std::string_view element = trim(list.substr(0, end));
    if (!element.empty()) elements.push_back(element);
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return elements;
}

std::optional<HttpError> check_head_bytes(std::string_view bytes, size_t begin) {
  for (size_t i = begin; i < bytes.size(); ++i) {
    const auto byte = static_cast<unsigned char>(bytes[i]);
    const bool after_cr = i > 0 && bytes[i - 1] == '\r';
    if (after_cr != (byte == '\n')) {
      return HttpError{400, "", "not a valid HTTP request: lines must end with CR LF"};
    }
    const bool control = byte < ' ' || byte == 0x7f;
    if (control && byte != '\r' && byte != '\n' && byte != '\t') {
      return HttpError{400, "", "not a valid HTTP request: a control character in its head"};
    }
  }
  return std::nullopt;
}

RequestHead parse_request_head(std::string_view text) { return HeadParser().parse(text); }

}  // namespace puna

// The query string, decoded.

#include "http/http_message.h"

#include <algorithm>

namespace puna {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// A "%" that no two digits follow stands for itself.
std::string decode(std::string_view text, bool plus_is_space) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool escaped = text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 &&
                         hex_digit(text[i + 2]) >= 0;
    if (escaped) {
      decoded += static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
      i += 2;
    } else {
      decoded += plus_is_space && text[i] == '+' ? ' ' : text[i];
    }
  }
  return decoded;
}

}  // namespace

std::string_view HttpRequest::path() const {
  return std::string_view(target).substr(0, target.find('?'));
}

std::string_view HttpRequest::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return "";
}

std::string decode_path(std::string_view text) { return decode(text, false); }

std::map<std::string, std::string, std::less<>> query_of(const HttpRequest& request) {
  std::map<std::string, std::string, std::less<>> parameters;
  const size_t mark = request.target.find('?');
  if (mark == std::string::npos) return parameters;
  std::string_view query = std::string_view(request.target).substr(mark + 1);
  while (!query.empty()) {
    const size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    const size_t equals = std::min(pair.find('='), pair.size());
    const std::string_view value = pair.substr(std::min(equals + 1, pair.size()));
    if (!pair.empty()) parameters[decode(pair.substr(0, equals), true)] = decode(value, true);
    query.remove_prefix(std::min(end + 1, query.size()));
  }
  return parameters;
}

}  // namespace puna

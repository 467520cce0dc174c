// parse_number: a text that is one number and nothing else. Pure.
#pragma once

#include <charconv>
#include <optional>
#include <string_view>

namespace puna {

// As std::from_chars reads it: no '+' and no spaces; "inf" and "nan" are numbers of floating point.
template <typename Number>
std::optional<Number> parse_number(std::string_view text) {
  Number value{};
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace puna

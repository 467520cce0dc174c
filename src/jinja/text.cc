// MarkedText and the string operations of Python that chat templates use.

#include "jinja/text.h"

#include <algorithm>

#include "base/utf8.h"

namespace puna::jinja {
namespace {

bool is_ascii_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_ascii_lower(char c) { return c >= 'a' && c <= 'z'; }
char to_upper(char c) { return is_ascii_lower(c) ? static_cast<char>(c - 'a' + 'A') : c; }
char to_lower(char c) { return is_ascii_upper(c) ? static_cast<char>(c - 'A' + 'a') : c; }

template <typename Predicate>
MarkedText strip_if(const MarkedText& text, Side side, Predicate drop) {
  const std::vector<size_t> offsets = character_offsets(text.bytes());
  size_t first = 0;
  size_t last = offsets.size() - 1;
  const auto character = [&](size_t i) {
    return std::string_view(text.bytes()).substr(offsets[i], offsets[i + 1] - offsets[i]);
  };
  if (side != Side::kRight) {
    while (first < last && drop(character(first))) ++first;
  }
  if (side != Side::kLeft) {
    while (last > first && drop(character(last - 1))) --last;
  }
  return text.part(offsets[first], offsets[last]);
}

// Before a small text with many matches becomes a huge one.
Status check_replaced_size(const MarkedText& text, std::string_view from, const MarkedText& to) {
  size_t matches = text.size() + 1;
  if (!from.empty()) {
    matches = 0;
    for (size_t at = text.bytes().find(from); at != std::string::npos;
         at = text.bytes().find(from, at + from.size())) {
      ++matches;
    }
  }
  if (to.empty() || matches <= (kTextBytesMax - std::min(text.size(), kTextBytesMax)) / to.size()) {
    return {};
  }
  return error(StatusCode::kFailedPrecondition, "a text of more than {} bytes", kTextBytesMax);
}

}  // namespace

void MarkedText::append(const MarkedText& other) {
  bytes_ += other.bytes_;
  marks_ += other.marks_;
}

void MarkedText::append(std::string_view bytes, char mark) {
  bytes_ += bytes;
  marks_.append(bytes.size(), mark);
}

MarkedText MarkedText::part(size_t begin, size_t end) const {
  MarkedText result;
  result.bytes_ = bytes_.substr(begin, end - begin);
  result.marks_ = marks_.substr(begin, end - begin);
  return result;
}

void MarkedText::reserve(size_t size) {
  bytes_.reserve(size);
  marks_.reserve(size);
}

std::vector<size_t> character_offsets(std::string_view text) {
  std::vector<size_t> offsets;
  offsets.reserve(text.size() + 1);
  size_t offset = 0;
  while (offset < text.size()) {
    offsets.push_back(offset);
    offset += decode_utf8(text.substr(offset)).length;
  }
  offsets.push_back(text.size());
  return offsets;
}

size_t character_count(std::string_view text) {
  size_t count = 0;
  for (size_t offset = 0; offset < text.size(); ++count) {
    offset += decode_utf8(text.substr(offset)).length;
  }
  return count;
}

std::vector<MarkedText> characters(const MarkedText& text) {
  const std::vector<size_t> offsets = character_offsets(text.bytes());
  std::vector<MarkedText> result;
  for (size_t i = 0; i + 1 < offsets.size() && i <= kItemsFromTextMax; ++i) {
    result.push_back(text.part(offsets[i], offsets[i + 1]));
  }
  return result;
}

bool is_python_space(uint32_t c) {
  return (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20) || c == 0x85 || c == 0xA0 ||
         c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F ||
         c == 0x205F || c == 0x3000;
}

MarkedText strip(const MarkedText& text, Side side) {
  return strip_if(text, side, [](std::string_view character) {
    return is_python_space(decode_utf8(character).code_point);
  });
}

MarkedText strip(const MarkedText& text, Side side, std::string_view characters_to_strip) {
  std::vector<std::string_view> set;
  const std::vector<size_t> offsets = character_offsets(characters_to_strip);
  for (size_t i = 0; i + 1 < offsets.size(); ++i) {
    set.push_back(characters_to_strip.substr(offsets[i], offsets[i + 1] - offsets[i]));
  }
  std::sort(set.begin(), set.end());
  return strip_if(text, side, [&](std::string_view character) {
    return std::binary_search(set.begin(), set.end(), character);
  });
}

Result<MarkedText> replace(const MarkedText& text, std::string_view from, const MarkedText& to,
                           int64_t count) {
  RETURN_IF_ERROR(check_replaced_size(text, from, to));
  MarkedText result;
  if (from.empty()) {
    const std::vector<size_t> offsets = character_offsets(text.bytes());
    for (size_t i = 0; i + 1 < offsets.size(); ++i) {
      if (count != 0) result.append(to);
      if (count > 0) --count;
      result.append(text.part(offsets[i], offsets[i + 1]));
    }
    if (count != 0) result.append(to);
    return result;
  }
  size_t done = 0;
  while (count != 0) {
    const size_t found = text.bytes().find(from, done);
    if (found == std::string::npos) break;
    result.append(text.part(done, found));
    result.append(to);
    done = found + from.size();
    if (count > 0) --count;
  }
  result.append(text.part(done, text.size()));
  return result;
}

std::vector<MarkedText> split(const MarkedText& text, std::string_view separator, int64_t count,
                              Side from) {
  std::vector<MarkedText> parts;
  if (from == Side::kRight) {
    size_t end = text.size();
    while (count != 0 && end >= separator.size() && parts.size() <= kItemsFromTextMax) {
      const size_t found = text.bytes().rfind(separator, end - separator.size());
      if (found == std::string::npos) break;
      parts.push_back(text.part(found + separator.size(), end));
      end = found;
      if (count > 0) --count;
    }
    parts.push_back(text.part(0, end));
    std::reverse(parts.begin(), parts.end());
    return parts;
  }
  size_t begin = 0;
  while (count != 0 && parts.size() <= kItemsFromTextMax) {
    const size_t found = text.bytes().find(separator, begin);
    if (found == std::string::npos) break;
    parts.push_back(text.part(begin, found));
    begin = found + separator.size();
    if (count > 0) --count;
  }
  parts.push_back(text.part(begin, text.size()));
  return parts;
}

std::vector<MarkedText> split_on_space(const MarkedText& text, int64_t count) {
  std::vector<MarkedText> parts;
  MarkedText rest = strip(text, Side::kLeft);
  size_t begin = 0;
  size_t offset = 0;
  while (offset < rest.size() && parts.size() <= kItemsFromTextMax) {
    const std::string_view tail = std::string_view(rest.bytes()).substr(offset);
    const Utf8Step step = decode_utf8(tail);
    if (!is_python_space(step.code_point)) {
      offset += step.length;
      continue;
    }
    if (count == 0) break;
    parts.push_back(rest.part(begin, offset));
    if (count > 0) --count;
    while (offset < rest.size()) {
      const Utf8Step space = decode_utf8(std::string_view(rest.bytes()).substr(offset));
      if (!is_python_space(space.code_point)) break;
      offset += space.length;
    }
    begin = offset;
  }
  // The last part keeps inner runs of space but not those at the end.
  const MarkedText last = strip(rest.part(begin, rest.size()), Side::kRight);
  if (!last.empty()) parts.push_back(last);
  return parts;
}

std::vector<MarkedText> split_lines(const MarkedText& text) {
  std::vector<MarkedText> lines;
  size_t begin = 0;
  size_t offset = 0;
  while (offset < text.size() && lines.size() <= kItemsFromTextMax) {
    const Utf8Step step = decode_utf8(std::string_view(text.bytes()).substr(offset));
    const uint32_t c = step.code_point;
    const bool ends_line = (c >= 0x0A && c <= 0x0D) || (c >= 0x1C && c <= 0x1E) || c == 0x85 ||
                           c == 0x2028 || c == 0x2029;
    const size_t end = offset;
    offset += step.length;
    if (!ends_line) continue;
    lines.push_back(text.part(begin, end));
    if (c == '\r' && offset < text.size() && text.bytes()[offset] == '\n') ++offset;
    begin = offset;
  }
  if (begin < text.size()) lines.push_back(text.part(begin, text.size()));
  return lines;
}

MarkedText change_case(const MarkedText& text, Case to) {
  std::string bytes = text.bytes();
  bool inside_word = false;
  for (char& c : bytes) {
    const bool upper =
        to == Case::kUpper || ((to == Case::kCapitalize || to == Case::kTitle) && !inside_word);
    const bool beyond_ascii = static_cast<unsigned char>(c) >= 0x80;
    inside_word = to == Case::kCapitalize || is_ascii_upper(c) || is_ascii_lower(c) || beyond_ascii;
    c = upper ? to_upper(c) : to_lower(c);
  }
  // ASCII case changes no length, so the marks fit as they are.
  MarkedText result;
  for (size_t begin = 0; begin < bytes.size();) {
    const size_t next =
        std::min(text.marks().find_first_not_of(text.marks()[begin], begin), bytes.size());
    result.append(std::string_view(bytes).substr(begin, next - begin), text.marks()[begin]);
    begin = next;
  }
  return result;
}

}  // namespace puna::jinja

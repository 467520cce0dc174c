// MarkedText: text that remembers, byte by byte, whether the template wrote it.
//
// The string type of the template interpreter. Marks travel through every operation, so bytes of a
// message stay recognisable in the finished prompt. Positions count characters, as in Python.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace puna::jinja {

// No text of a rendering grows longer than this; a request's body is smaller.
inline constexpr size_t kTextBytesMax = 16 << 20;
// The functions that cut a text into a list stop after one item more than this.
inline constexpr size_t kItemsFromTextMax = 200'000;

inline constexpr char kFromTemplate = 't';
inline constexpr char kFromMessage = 'm';

class MarkedText {
 public:
  MarkedText() = default;
  explicit MarkedText(std::string_view bytes, char mark = kFromTemplate)
      : bytes_(bytes), marks_(bytes.size(), mark) {}

  const std::string& bytes() const { return bytes_; }
  const std::string& marks() const { return marks_; }  // one per byte
  size_t size() const { return bytes_.size(); }
  bool empty() const { return bytes_.empty(); }

  void append(const MarkedText& other);
  void append(std::string_view bytes, char mark);
  // Bytes [begin, end) with their marks.
  MarkedText part(size_t begin, size_t end) const;
  void reserve(size_t size);

  friend bool operator==(const MarkedText& a, const MarkedText& b) { return a.bytes_ == b.bytes_; }

 private:
  std::string bytes_;
  std::string marks_;
};

// Byte offsets of every character, and of the end: size is character count + 1.
std::vector<size_t> character_offsets(std::string_view text);
size_t character_count(std::string_view text);
std::vector<MarkedText> characters(const MarkedText& text);

// What Python's str.isspace() calls white space.
bool is_python_space(uint32_t code_point);

enum class Side { kLeft, kRight, kBoth };
// str.strip(), lstrip(), rstrip(): white space.
MarkedText strip(const MarkedText& text, Side side);
// The same with the set of characters to take away.
MarkedText strip(const MarkedText& text, Side side, std::string_view characters_to_strip);

// str.replace(from, to, count); a negative count replaces all. An empty `from` matches between all
// characters, as in Python. An error when the result would pass kTextBytesMax.
Result<MarkedText> replace(const MarkedText& text, std::string_view from, const MarkedText& to,
                           int64_t count);

// str.split(separator, count) and str.rsplit(); `separator` is not empty.
std::vector<MarkedText> split(const MarkedText& text, std::string_view separator, int64_t count,
                              Side from);
// str.split(): runs of white space separate, none at the ends.
std::vector<MarkedText> split_on_space(const MarkedText& text, int64_t count);
std::vector<MarkedText> split_lines(const MarkedText& text);

// Upper and lower case of ASCII letters; other characters stay as they are.
enum class Case { kUpper, kLower, kCapitalize, kTitle };
MarkedText change_case(const MarkedText& text, Case to);

}  // namespace puna::jinja

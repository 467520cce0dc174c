// UTF-8: validation, decoding, repair and safe printing of text from outside. Pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace puna {

inline constexpr uint32_t kReplacementCharacter = 0xFFFD;

struct Utf8Step {
  uint32_t code_point = kReplacementCharacter;
  size_t length = 1;   // bytes to advance; for an ill-formed sequence its maximal subpart
  bool valid = false;  // false: ill-formed, code_point is U+FFFD
};

// Decodes the code point at the front of `text`, which must not be empty. Refuses overlong forms,
// surrogates and values above U+10FFFF (Unicode 15, table 3-7).
Utf8Step decode_utf8(std::string_view text);

bool is_valid_utf8(std::string_view text);

// Replaces each ill-formed sequence by U+FFFD, as Python's errors="replace" and the WHATWG decoder
// do.
std::string repair_utf8(std::string_view text);

void append_utf8(std::string& text, uint32_t code_point);

// Characters of well-formed text.
size_t character_count(std::string_view text);

// How many bytes at the end of `text` are the start of a character whose rest may still come (0 to
// 3).
size_t incomplete_utf8_suffix(std::string_view text);

// Control characters and ill-formed bytes as \n, \t or \xNN: a name from a file cannot move the
// cursor.
std::string escape_for_terminal(std::string_view text);

}  // namespace puna

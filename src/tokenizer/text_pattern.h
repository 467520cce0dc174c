// TextPattern: a regular expression of a tokenizer file. PCRE2 is behind this file only.
//
// The files are written for Oniguruma with Ruby's syntax. What PCRE2 reads in the same way, or can
// be told in other words, is obeyed; the rest is refused by name when it is compiled.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace puna {

// Bytes that matching may keep to come back to; a text that needs more is an error.
inline constexpr size_t kPatternStackBytesMax = 16 << 20;

struct PatternMatch {
  size_t begin = 0;
  size_t end = 0;
};

class TextPattern {
 public:
  // kInvalidArgument names the pattern and what of it is not understood.
  static Result<TextPattern> compile(std::string_view source);

  TextPattern(TextPattern&&) noexcept;
  TextPattern& operator=(TextPattern&&) noexcept;
  ~TextPattern();

  // All matches in valid UTF-8 from left to right; they may be empty. kInvalidArgument when a limit
  // of PCRE2 ended the search.
  Status find_all(std::string_view text, std::vector<PatternMatch>& matches) const;

 private:
  struct Code;
  explicit TextPattern(std::unique_ptr<const Code> code);
  std::unique_ptr<const Code> code_;
};

// The characters that Oniguruma's \s and \w stand for.
bool is_white_space(uint32_t code_point);
bool is_word_character(uint32_t code_point);
// Letters in lower case, one by one as Rust's char::to_lowercase does it.
std::string to_lower_case(std::string_view text);

// `text` as a pattern that matches nothing but itself.
std::string quoted_pattern(std::string_view text);

}  // namespace puna

// The lexer of chat templates: scans text up to the next tag, then the tokens inside the tag.

#include "jinja/lexer.h"

#include <algorithm>
#include <charconv>

#include "base/utf8.h"
#include "jinja/text.h"

namespace puna::jinja {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name_start(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_name_part(char c) { return is_name_start(c) || is_digit(c); }

// One kind of line end, and none at the end of the source.
std::string normalize_newlines(std::string_view source) {
  std::string text;
  text.reserve(source.size());
  for (size_t i = 0; i < source.size(); ++i) {
    const bool carriage_return = source[i] == '\r';
    if (carriage_return && i + 1 < source.size() && source[i + 1] == '\n') continue;
    text += carriage_return ? '\n' : source[i];
  }
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

std::string_view without_space_at_end(std::string_view text) {
  return text.substr(0, strip(MarkedText(text), Side::kRight).size());
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(normalize_newlines(source)) {
    for (size_t i = 0; i < source_.size(); ++i) {
      if (source_[i] == '\n') line_starts_.push_back(i + 1);
    }
  }

  Result<std::vector<Token>> read() {
    while (offset_ < source_.size()) {
      const size_t tag = find_tag();
      RETURN_IF_ERROR(read_text(tag));
      if (tag == std::string::npos) break;
      RETURN_IF_ERROR(read_tag(tag));
    }
    offset_ = source_.size();
    add(TokenKind::kEnd, offset_);
    return std::move(tokens_);
  }

 private:
  Position position(size_t offset) const {
    const auto line = std::upper_bound(line_starts_.begin(), line_starts_.end(), offset) - 1;
    return {static_cast<int>(line - line_starts_.begin()) + 1,
            static_cast<int>(offset - *line) + 1};
  }
  Status fail(size_t offset, std::string_view what) const {
    return template_error(position(offset), what);
  }
  Token& add(TokenKind kind, size_t offset, std::string_view text = {}) {
    tokens_.push_back(Token{kind, position(offset), std::string(text), 0, 0});
    return tokens_.back();
  }
  std::string_view rest() const { return std::string_view(source_).substr(offset_); }
  char sign_at(size_t offset) const {
    const char c = offset < source_.size() ? source_[offset] : '\0';
    return c == '-' || c == '+' ? c : '\0';
  }

  size_t find_tag() const {
    for (size_t at = source_.find('{', offset_); at != std::string::npos;
         at = source_.find('{', at + 1)) {
      const char next = at + 1 < source_.size() ? source_[at + 1] : '\0';
      if (next == '{' || next == '%' || next == '#') return at;
    }
    return std::string::npos;
  }

  // Text up to the tag, less what the tag's sign or lstrip_blocks takes away.
  Status read_text(size_t tag) {
    const size_t end = std::min(tag, source_.size());
    std::string_view text = std::string_view(source_).substr(offset_, end - offset_);
    if (tag != std::string::npos) {
      text = trim_before_tag(text, sign_at(tag + 2), source_[tag + 1] == '{');
    }
    if (!text.empty()) add(TokenKind::kText, offset_, text);
    return {};
  }

  std::string_view trim_before_tag(std::string_view text, char sign, bool is_output) const {
    if (sign == '-') return without_space_at_end(text);
    if (sign == '+' || is_output) return text;
    const size_t newline = text.rfind('\n');
    if (newline == std::string_view::npos && !line_starting_) return text;
    const size_t line = newline == std::string_view::npos ? 0 : newline + 1;
    const bool only_space = without_space_at_end(text).size() <= line;
    return only_space ? text.substr(0, line) : text;
  }

  void skip_space() {
    while (offset_ < source_.size()) {
      const Utf8Step step = decode_utf8(rest());
      if (!is_python_space(step.code_point)) return;
      offset_ += step.length;
    }
  }

  // Steps over a tag's end ("-%}", "+%}", "%}") and the white space that goes with it.
  bool skip_tag_end(std::string_view end, bool trims_newline) {
    const char sign = sign_at(offset_);
    const size_t sign_size = sign != '\0' && (sign == '-' || trims_newline) ? 1 : 0;
    if (!rest().substr(sign_size).starts_with(end)) return false;
    offset_ += sign_size + end.size();
    if (sign == '-') {
      skip_space();
    } else if (sign_size == 0 && trims_newline && rest().starts_with('\n')) {
      ++offset_;
    }
    line_starting_ = source_[offset_ - 1] == '\n';
    return true;
  }

  Status read_tag(size_t tag) {
    offset_ = tag + 2 + (sign_at(tag + 2) == '\0' ? 0 : 1);
    if (source_[tag + 1] == '#') return skip_comment(tag);
    const bool is_output = source_[tag + 1] == '{';
    if (!is_output && skip_raw_begin()) return read_raw(tag);
    add(is_output ? TokenKind::kOutputBegin : TokenKind::kBlockBegin, tag);
    brackets_.clear();
    while (true) {
      if (brackets_.empty() && skip_tag_end(is_output ? "}}" : "%}", !is_output)) {
        add(is_output ? TokenKind::kOutputEnd : TokenKind::kBlockEnd, offset_ - 1);
        return {};
      }
      if (offset_ >= source_.size()) return fail(tag, "this tag is never closed");
      RETURN_IF_ERROR(read_token());
    }
  }

  Status skip_comment(size_t tag) {
    for (; offset_ < source_.size(); ++offset_) {
      if (skip_tag_end("#}", true)) return {};
    }
    return fail(tag, "this comment is never closed");
  }

  // "raw %}" after a "{%"; steps over it when it is there.
  bool skip_raw_begin() {
    const size_t start = offset_;
    skip_space();
    if (rest().starts_with("raw")) {
      offset_ += 3;
      skip_space();
      const bool strips = rest().starts_with("-%}");
      if (strips || rest().starts_with("%}")) {
        offset_ += strips ? 3 : 2;
        if (strips) skip_space();
        line_starting_ = source_[offset_ - 1] == '\n';
        return true;
      }
    }
    offset_ = start;
    return false;
  }

  Status read_raw(size_t tag) {
    const size_t begin = offset_;
    for (size_t at = source_.find("{%", begin); at != std::string::npos;
         at = source_.find("{%", at + 1)) {
      const char sign = sign_at(at + 2);
      offset_ = at + 2 + (sign == '\0' ? 0 : 1);
      skip_space();
      if (!rest().starts_with("endraw")) continue;
      offset_ += 6;
      skip_space();
      if (!skip_tag_end("%}", true)) continue;
      const std::string_view body = std::string_view(source_).substr(begin, at - begin);
      const std::string_view text = trim_before_tag(body, sign, false);
      if (!text.empty()) add(TokenKind::kText, begin, text);
      return {};
    }
    return fail(tag, "this raw block has no {% endraw %}");
  }

  Status read_token() {
    const size_t start = offset_;
    skip_space();
    if (offset_ > start) return {};
    const char c = source_[offset_];
    if (is_digit(c)) return read_number();
    if (is_name_start(c)) {
      while (offset_ < source_.size() && is_name_part(source_[offset_])) ++offset_;
      add(TokenKind::kName, start, std::string_view(source_).substr(start, offset_ - start));
      return {};
    }
    if (c == '\'' || c == '"') return read_string(c);
    return read_operator();
  }

  void skip_digits() {
    while (offset_ < source_.size() && (is_digit(source_[offset_]) || source_[offset_] == '_')) {
      ++offset_;
    }
  }

  Status read_number() {
    const size_t start = offset_;
    skip_digits();
    bool is_float = false;
    const bool after_dot = start > 0 && source_[start - 1] == '.';
    if (!after_dot && offset_ + 1 < source_.size() && source_[offset_] == '.' &&
        is_digit(source_[offset_ + 1])) {
      is_float = true;
      ++offset_;
      skip_digits();
    }
    if (offset_ < source_.size() && (source_[offset_] == 'e' || source_[offset_] == 'E')) {
      const size_t sign = sign_at(offset_ + 1) == '\0' ? 0 : 1;
      if (offset_ + 1 + sign < source_.size() && is_digit(source_[offset_ + 1 + sign])) {
        is_float = true;
        offset_ += 1 + sign;
        skip_digits();
      }
    }
    std::string digits = source_.substr(start, offset_ - start);
    std::erase(digits, '_');
    Token& token = add(is_float ? TokenKind::kFloat : TokenKind::kInteger, start, digits);
    const char* end = digits.data() + digits.size();
    const auto parsed = is_float ? std::from_chars(digits.data(), end, token.number)
                                 : std::from_chars(digits.data(), end, token.integer);
    if (parsed.ec != std::errc() || parsed.ptr != end)
      return fail(start, "not a number we can hold");
    return {};
  }

  Status read_string(char quote) {
    const size_t start = offset_++;
    std::string text;
    while (offset_ < source_.size() && source_[offset_] != quote) {
      if (source_[offset_] == '\\') {
        RETURN_IF_ERROR(read_escape(text));
      } else {
        text += source_[offset_++];
      }
    }
    if (offset_ >= source_.size()) return fail(start, "this string is never closed");
    ++offset_;
    add(TokenKind::kString, start, text);
    return {};
  }

  // Python's escapes; an unknown one stays as it is written.
  Status read_escape(std::string& text) {
    const size_t start = offset_++;
    if (offset_ >= source_.size()) return fail(start, "this string is never closed");
    const char c = source_[offset_++];
    static constexpr std::string_view kNames = "\\'\"abfnrtv\n";
    static constexpr std::string_view kValues = "\\'\"\a\b\f\n\r\t\v";
    if (const size_t i = kNames.find(c); i != std::string_view::npos) {
      if (c != '\n') text += kValues[i];
      return {};
    }
    if (c == 'x' || c == 'u' || c == 'U') {
      return read_code_point(text, start, c == 'x' ? 2 : c == 'u' ? 4 : 8, 16);
    }
    if (c >= '0' && c <= '7') {
      --offset_;
      size_t count = 1;
      while (count < 3 && offset_ + count < source_.size() && source_[offset_ + count] >= '0' &&
             source_[offset_ + count] <= '7') {
        ++count;
      }
      return read_code_point(text, start, count, 8);
    }
    if (c == 'N') return fail(start, "\\N{…} is not supported, write \\uXXXX");
    text += '\\';
    text += c;
    return {};
  }

  Status read_code_point(std::string& text, size_t start, size_t digit_count, int base) {
    const std::string_view digits = rest().substr(0, digit_count);
    uint32_t code_point = 0;
    const char* begin = digits.data();
    const char* end = begin + digits.size();
    const auto parsed = std::from_chars(begin, end, code_point, base);
    const bool surrogate = code_point >= 0xD800 && code_point <= 0xDFFF;
    if (digits.size() != digit_count || parsed.ptr != end || code_point > 0x10FFFF || surrogate) {
      return fail(start, "this escape names no character");
    }
    offset_ += digit_count;
    append_utf8(text, code_point);
    return {};
  }

  Status read_operator() {
    static constexpr std::string_view kTwo[] = {"//", "**", "==", "!=", ">=", "<="};
    static constexpr std::string_view kOne = "+-/*%~[](){}<>=.:|,;";
    const size_t start = offset_;
    std::string_view symbol = rest().substr(0, 2);
    if (std::find(std::begin(kTwo), std::end(kTwo), symbol) == std::end(kTwo)) {
      symbol = symbol.substr(0, 1);
      if (kOne.find(symbol) == std::string_view::npos) {
        return fail(start, fmt::format("unexpected character {}", escape_for_terminal(symbol)));
      }
    }
    offset_ += symbol.size();
    add(TokenKind::kOperator, start, symbol);
    return balance(start, symbol[0]);
  }

  Status balance(size_t start, char symbol) {
    static constexpr std::string_view kOpen = "([{";
    static constexpr std::string_view kClose = ")]}";
    if (const size_t i = kOpen.find(symbol); i != std::string_view::npos) {
      brackets_ += kClose[i];
    } else if (kClose.find(symbol) != std::string_view::npos) {
      if (brackets_.empty() || brackets_.back() != symbol) {
        return fail(start, fmt::format("unexpected '{}'", symbol));
      }
      brackets_.pop_back();
    }
    return {};
  }

  const std::string source_;
  std::vector<size_t> line_starts_ = {0};
  std::vector<Token> tokens_;
  std::string brackets_;  // the closing brackets that are awaited
  size_t offset_ = 0;
  bool line_starting_ = true;
};

}  // namespace

Status template_error(Position at, std::string_view what) {
  return invalid_argument("line {}, column {}: {}", at.line, at.column, what);
}

Result<std::vector<Token>> read_tokens(std::string_view source) { return Lexer(source).read(); }

}  // namespace puna::jinja

// Lexical rules of MLIR, as far as StableHLO in generic form needs them:
// https://mlir.llvm.org/docs/LangRef/.

#include "stablehlo/interpreter/text_cursor.h"

#include <algorithm>
#include <charconv>

namespace puna::interpreter {
namespace {

constexpr size_t kWordMax = 256;
constexpr size_t kBracketedMax = 1 << 20;
constexpr size_t kRankMax = 16;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_word_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' || c == '$' ||
         c == '.' || c == '-';
}

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

}  // namespace

int TextCursor::line() {
  skip();
  const std::string_view passed = text_.substr(counted_, at_ - counted_);
  line_ += static_cast<int>(std::count(passed.begin(), passed.end(), '\n'));
  counted_ = at_;
  return line_;
}

void TextCursor::skip() {
  while (at_ < text_.size()) {
    if (text_.substr(at_, 2) == "//") {
      at_ = std::min(text_.find('\n', at_), text_.size());
    } else if (is_space(text_[at_])) {
      ++at_;
    } else {
      return;
    }
  }
}

bool TextCursor::at_end() {
  skip();
  return at_ == text_.size();
}

char TextCursor::peek() { return at_end() ? '\0' : text_[at_]; }

bool TextCursor::take(std::string_view literal) {
  skip();
  if (text_.substr(at_, literal.size()) != literal) return false;
  at_ += literal.size();
  return true;
}

Status TextCursor::expect(std::string_view literal) {
  if (take(literal)) return {};
  return wrong(fmt::format("'{}' is expected", literal));
}

Status TextCursor::wrong(std::string_view what) {
  skip();
  std::string_view next = text_.substr(at_, 24);
  next = next.substr(0, next.find('\n'));
  return invalid_argument("line {}: {} before '{}'", line(), what, next);
}

Result<std::string> TextCursor::word() {
  skip();
  const size_t first = at_;
  // "->" is no part of a word.
  while (at_ < text_.size() && is_word_character(text_[at_]) && text_.substr(at_, 2) != "->") ++at_;
  if (at_ == first) return wrong("a word is expected");
  if (at_ - first > kWordMax) return wrong("a word is too long");
  return std::string(text_.substr(first, at_ - first));
}

Result<std::string> TextCursor::quoted() {
  RETURN_IF_ERROR(expect("\""));
  const size_t end = text_.find_first_of("\"\\\n", at_);
  if (end == std::string_view::npos || text_[end] != '"')
    return wrong("a plain string is expected");
  std::string inside(text_.substr(at_, end - at_));
  at_ = end + 1;
  return inside;
}

Result<int64_t> TextCursor::integer() {
  skip();
  int64_t value = 0;
  const auto [end, status] =
      std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
  if (status != std::errc()) return wrong("an integer is expected");
  at_ = static_cast<size_t>(end - text_.data());
  return value;
}

Result<TextCursor::Number> TextCursor::number() {
  skip();
  Number number;
  const char* const first = text_.data() + at_;
  const auto [end, status] = std::from_chars(first, text_.data() + text_.size(), number.value);
  if (status != std::errc() || end == first || !(is_digit(*first) || *first == '-')) {
    return wrong("a number is expected");
  }
  const std::string_view literal(first, static_cast<size_t>(end - first));
  number.is_integer = literal.find_first_not_of("-0123456789") == std::string_view::npos;
  at_ += literal.size();
  return number;
}

Result<Dimensions> TextCursor::dimensions() {
  Dimensions sizes;
  int64_t count = 1;
  while (is_digit(peek())) {
    ASSIGN_OR_RETURN(const int64_t size, integer());
    if (size < 1 || size > kElementsMax / count) {
      return wrong("a dimension is 0, or a tensor has too many elements");
    }
    if (sizes.size() == kRankMax) return wrong("a tensor has too many dimensions");
    count *= size;
    sizes.push_back(size);
    RETURN_IF_ERROR(expect("x"));
  }
  return sizes;
}

Result<Element> TextCursor::element() {
  if (take("f32")) return Element::kF32;
  if (take("bf16")) return Element::kBf16;
  if (take("i8")) return Element::kI8;
  if (take("i32")) return Element::kI32;
  if (take("i1")) return Element::kI1;
  return wrong("f32, bf16, i32, i8 or i1 is expected");
}

Result<Type> TextCursor::type() {
  RETURN_IF_ERROR(expect("tensor<"));
  Type type;
  ASSIGN_OR_RETURN(type.shape, dimensions());
  ASSIGN_OR_RETURN(type.element, element());
  RETURN_IF_ERROR(expect(">"));
  return type;
}

Result<std::string> TextCursor::bracketed() {
  RETURN_IF_ERROR(expect("<"));
  const size_t first = at_;
  bool is_string = false;
  for (int depth = 1; at_ < text_.size() && at_ - first < kBracketedMax; ++at_) {
    const char c = text_[at_];
    if (c == '"') is_string = !is_string;
    if (is_string) continue;
    if (c == '<') ++depth;
    if (c == '>' && --depth == 0) return std::string(text_.substr(first, at_++ - first));
  }
  return wrong("'>' is missing");
}

}  // namespace puna::interpreter

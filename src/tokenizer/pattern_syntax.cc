// One pass over the pattern: what differs is replaced or refused, the rest is copied.

#include "tokenizer/pattern_syntax.h"

#include <fmt/format.h>

namespace puna {

const char* const kWhiteSpaceRanges =
    R"(\x{9}-\x{d}\x{20}\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000})";
const char* const kWordRanges = R"(\p{Alphabetic}\p{M}\p{Nd}\p{Pc})";

namespace {

// All characters that are no white space, for the inside of brackets.
constexpr const char* kOtherRanges =
    R"(\x{0}-\x{8}\x{e}-\x{1f}\x{21}-\x{84}\x{86}-\x{9f}\x{a1}-\x{167f}\x{1681}-\x{1fff})"
    R"(\x{200b}-\x{2027}\x{202a}-\x{202e}\x{2030}-\x{205e}\x{2060}-\x{2fff}\x{3001}-\x{10ffff})";
constexpr const char* kHexRanges = "0-9A-Fa-f";
// Escapes that mean something else in PCRE2, or nothing.
constexpr std::string_view kRefusedEscapes = "CGKQERXyYgkNOPH";

class Translator {
 public:
  explicit Translator(std::string_view source) : source_(source) {}

  Result<std::string> translate() {
    while (at_ < source_.size()) {
      const char c = source_[at_];
      if (c == '\\') {
        RETURN_IF_ERROR(escape());
      } else if (in_brackets_) {
        RETURN_IF_ERROR(inside_brackets(c));
      } else if (c == '[') {
        open_brackets();
      } else if (c == '(') {
        RETURN_IF_ERROR(group());
      } else if (c == '{') {
        RETURN_IF_ERROR(count());
      } else {
        copy(1);
      }
    }
    return std::move(out_);
  }

 private:
  std::string_view rest() const { return source_.substr(at_); }
  void copy(size_t length) {
    out_ += source_.substr(at_, length);
    at_ += length;
  }
  Status refuse(std::string_view part) const {
    return invalid_argument("{} (at offset {}) is not supported", part, at_);
  }
  void write(std::string_view ranges, bool negated) {
    if (in_brackets_) {
      out_ += ranges;
    } else {
      out_ += fmt::format("[{}{}]", negated ? "^" : "", ranges);
    }
  }

  Status escape() {
    if (at_ + 1 >= source_.size()) return refuse("a \\ at the end");
    const char escaped = source_[at_ + 1];
    const std::string named = {'\\', escaped};
    if (escaped == 'p' || escaped == 'P') return property();
    if (kRefusedEscapes.find(escaped) != kRefusedEscapes.npos) return refuse(named);
    if (in_brackets_ && escaped == 'W') return refuse("\\W inside of [ ]");
    switch (escaped) {
      case 's':
        write(kWhiteSpaceRanges, false);
        break;
      case 'S':
        in_brackets_ ? write(kOtherRanges, false) : write(kWhiteSpaceRanges, true);
        break;
      case 'w':
      case 'W':
        write(kWordRanges, escaped == 'W');
        break;
      case 'h':
        write(kHexRanges, false);
        break;
      case 'b':
      case 'B':
        if (in_brackets_) return refuse(named + " inside of [ ]");
        out_ += boundary(escaped == 'b');
        break;
      case 'u':
        return code_point();
      default:
        copy(2);
        return {};
    }
    at_ += 2;
    return {};
  }

  // \p{...} whole, so that its braces are no count.
  Status property() {
    const size_t end = rest().find('}');
    if (rest().size() < 3 || rest()[2] != '{' || end == rest().npos) {
      return refuse("a property without { }");
    }
    copy(end + 1);
    return {};
  }

  Status code_point() {
    if (rest().size() < 6) return refuse("\\u without four digits");
    out_ += fmt::format("\\x{{{}}}", rest().substr(2, 4));
    at_ += 6;
    return {};
  }

  static std::string boundary(bool is_one) {
    const std::string word = fmt::format("[{}]", kWordRanges);
    return is_one ? fmt::format("(?:(?<={0})(?!{0})|(?<!{0})(?={0}))", word)
                  : fmt::format("(?:(?<={0})(?={0})|(?<!{0})(?!{0}))", word);
  }

  void open_brackets() {
    in_brackets_ = true;
    copy(1);
    if (rest().starts_with("^")) copy(1);
    if (rest().starts_with("]")) copy(1);  // a literal one
  }

  Status inside_brackets(char c) {
    if (c == '[') return refuse("[ inside of [ ]");
    if (rest().starts_with("&&")) return refuse("&& inside of [ ]");
    if (c == ']') in_brackets_ = false;
    copy(1);
    return {};
  }

  Status group() {
    if (!rest().starts_with("(?")) {
      copy(1);
      return {};
    }
    const size_t end = source_.find_first_not_of("abcdefghijklmnopqrstuvwxyz-", at_ + 2);
    const std::string_view flags =
        source_.substr(at_ + 2, (end == source_.npos ? source_.size() : end) - at_ - 2);
    // (?m) is another flag in Ruby, and (?x) changes how the rest is read.
    if (flags.find_first_not_of("i-") != flags.npos) return refuse(fmt::format("(?{}", flags));
    if (!flags.empty() && rest().substr(2 + flags.size()).starts_with(")") && at_ != 0) {
      return refuse("flags in the middle");
    }
    copy(2 + flags.size());
    return {};
  }

  Status count() {
    const size_t end = rest().find('}');
    if (end == rest().npos) {
      copy(1);
      return {};
    }
    const char next = end + 1 < rest().size() ? rest()[end + 1] : '\0';
    if (next == '+') return refuse("}+");
    if (next == '?' && rest().substr(0, end).find(',') == rest().npos) return refuse("}?");
    if (rest().starts_with("{,")) {
      out_ += "{0";
      at_ += 1;
      copy(end);
    } else {
      copy(end + 1);
    }
    return {};
  }

  std::string_view source_;
  size_t at_ = 0;
  bool in_brackets_ = false;
  std::string out_;
};

}  // namespace

Result<std::string> pcre2_syntax(std::string_view source) { return Translator(source).translate(); }

}  // namespace puna

// Compiled with JIT where there is one; each thread has one stack for it, grown on demand.

#include "tokenizer/text_pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>

#include "base/check.h"
#include "base/utf8.h"
#include "tokenizer/pattern_syntax.h"

namespace puna {
namespace {

constexpr size_t kPatternStackBytes = 32 << 10;
constexpr size_t kPatternBytesMax = 64 << 10;

std::string error_text(int code) {
  PCRE2_UCHAR message[256];
  pcre2_get_error_message(code, message, sizeof message);
  return reinterpret_cast<const char*>(message);
}

// What a search needs besides the pattern.
struct Scratch {
  pcre2_match_data* match = pcre2_match_data_create(1, nullptr);
  pcre2_match_context* context = pcre2_match_context_create(nullptr);
  pcre2_jit_stack* stack =
      pcre2_jit_stack_create(kPatternStackBytes, kPatternStackBytesMax, nullptr);

  Scratch() {
    CHECK(match != nullptr && context != nullptr, "out of memory");
    if (stack != nullptr) pcre2_jit_stack_assign(context, nullptr, stack);
    pcre2_set_heap_limit(context, kPatternStackBytesMax >> 10);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() {
    pcre2_match_data_free(match);
    pcre2_match_context_free(context);
    pcre2_jit_stack_free(stack);
  }
};

// One class of characters.
const TextPattern& word_pattern() {
  static const TextPattern made = TextPattern::compile("\\w").value();
  return made;
}

}  // namespace

struct TextPattern::Code {
  explicit Code(pcre2_code* given) : code(given) {}
  Code(const Code&) = delete;
  Code& operator=(const Code&) = delete;
  ~Code() { pcre2_code_free(code); }
  pcre2_code* code;
};

TextPattern::TextPattern(std::unique_ptr<const Code> code) : code_(std::move(code)) {}
TextPattern::TextPattern(TextPattern&&) noexcept = default;
TextPattern& TextPattern::operator=(TextPattern&&) noexcept = default;
TextPattern::~TextPattern() = default;

Result<TextPattern> TextPattern::compile(std::string_view source) {
  if (source.size() > kPatternBytesMax) {
    return invalid_argument("a pattern has {} bytes; at most {} are read", source.size(),
                            kPatternBytesMax);
  }
  const auto pattern = pcre2_syntax(source);
  if (!pattern.ok()) {
    return invalid_argument("pattern {}: {}", source, pattern.status().message());
  }
  pcre2_compile_context* context = pcre2_compile_context_create(nullptr);
  CHECK(context != nullptr, "out of memory");
  pcre2_set_newline(context, PCRE2_NEWLINE_LF);
  int code = 0;
  PCRE2_SIZE offset = 0;
  pcre2_code* compiled = pcre2_compile(
      reinterpret_cast<PCRE2_SPTR>(pattern->data()), pattern->size(),
      // ^ and $ stand at every line in Ruby.
      PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C, &code, &offset, context);
  pcre2_compile_context_free(context);
  if (compiled == nullptr) {
    return invalid_argument("pattern {}: {} at offset {}", *pattern, error_text(code), offset);
  }
  pcre2_jit_compile(compiled, PCRE2_JIT_COMPLETE);  // without JIT it is only slower
  return TextPattern(std::make_unique<const Code>(compiled));
}

Status TextPattern::find_all(std::string_view text, std::vector<PatternMatch>& matches) const {
  thread_local const Scratch scratch;
  size_t at = 0;
  while (at <= text.size()) {
    // The text is valid UTF-8: checking it again at every match would make this quadratic.
    const int found =
        pcre2_match(code_->code, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), at,
                    PCRE2_NO_UTF_CHECK, scratch.match, scratch.context);
    if (found == PCRE2_ERROR_NOMATCH) return {};
    if (found < 0) {
      return invalid_argument(
          "the tokenizer's pattern cannot cut the text at byte {} within its limits ({}); shorten "
          "the text, or break up its longest run of one kind of character",
          at, error_text(found));
    }
    const PCRE2_SIZE* range = pcre2_get_ovector_pointer(scratch.match);
    // \K is refused, so a match ends where it begins or later. Oniguruma gives no empty match right
    // after another match.
    const bool repeated =
        range[0] == range[1] && !matches.empty() && matches.back().end == range[0];
    if (!repeated) matches.push_back({range[0], range[1]});
    at = range[1];
    if (range[1] == range[0]) {
      if (at == text.size()) return {};
      at += decode_utf8(text.substr(at)).length;
    }
  }
  return {};
}

bool is_white_space(uint32_t c) {
  if (c < 0x80) return (c >= 0x9 && c <= 0xd) || c == 0x20;
  return c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 ||
         c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

bool is_word_character(uint32_t c) {
  if (c < 0x80) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  }
  std::string character;
  append_utf8(character, c);
  std::vector<PatternMatch> matches;
  return word_pattern().find_all(character, matches).ok() && !matches.empty();
}

namespace {

// PCRE2 changes the case of letters only; Roman numerals and letters in circles have two as well.
std::string lower_numerals(std::string_view text) {
  if (text.find("\xE2\x85") == text.npos && text.find("\xE2\x92") == text.npos &&
      text.find("\xE2\x93") == text.npos) {
    return std::string(text);
  }
  std::string lower;
  for (; !text.empty(); text.remove_prefix(decode_utf8(text).length)) {
    uint32_t c = decode_utf8(text).code_point;
    if (c >= 0x2160 && c <= 0x216f) c += 0x10;
    if (c >= 0x24b6 && c <= 0x24cf) c += 0x1a;
    append_utf8(lower, c);
  }
  return lower;
}

}  // namespace

std::string to_lower_case(std::string_view text) {
  static pcre2_code* const letter = [] {
    int code = 0;
    PCRE2_SIZE offset = 0;
    return pcre2_compile(reinterpret_cast<PCRE2_SPTR>(R"([\p{Lu}\p{Lt}]+)"), PCRE2_ZERO_TERMINATED,
                         PCRE2_UTF | PCRE2_UCP, &code, &offset, nullptr);
  }();
  std::string dotted;  // the one letter whose lower case is two characters
  for (size_t begin = 0; begin < text.size();) {
    const size_t found = std::min(text.find("\xC4\xB0", begin), text.size());
    dotted += text.substr(begin, found - begin);
    if (found < text.size()) dotted += "i\xCC\x87";
    begin = found + 2;
  }
  std::string lower(dotted.size() + dotted.size() / 2 + 16, '\0');
  PCRE2_SIZE length = lower.size();
  static constexpr std::string_view kLower = "\\L$0";
  const auto subject = reinterpret_cast<PCRE2_SPTR>(dotted.data());
  const int done =
      pcre2_substitute(letter, subject, dotted.size(), 0,
                       PCRE2_SUBSTITUTE_GLOBAL | PCRE2_SUBSTITUTE_EXTENDED | PCRE2_NO_UTF_CHECK,
                       nullptr, nullptr, reinterpret_cast<PCRE2_SPTR>(kLower.data()), kLower.size(),
                       reinterpret_cast<PCRE2_UCHAR*>(lower.data()), &length);
  if (done < 0) return dotted;
  lower.resize(length);
  return lower_numerals(lower);
}

std::string quoted_pattern(std::string_view text) {
  std::string pattern;
  for (const char c : text) {
    if (std::string_view("\\^$.|?*+()[]{}-&#~ ").find(c) != std::string_view::npos) pattern += '\\';
    pattern += c;
  }
  return pattern;
}

}  // namespace puna

// The patterns are facts of the published tokenizers: GPT-2's, Llama 3's, and SmolLM's digits.

#include "tokenizer/pre_tokenizer.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <utility>

#include "base/check.h"

namespace puna {

const char* const kGpt2Pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

namespace {

constexpr const char* kLlama3Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*)"
    R"(|\s*[\r\n]+|\s+(?!\S)|\s+)";
// Rust's char::is_numeric: Nd, Nl, No.
constexpr const char* kDigitPattern = R"(\p{N})";
// Unicode's White_Space, which PCRE2's \s is not exactly.
constexpr const char* kSpaces =
    R"(\x{9}-\x{d}\x{20}\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000})";

// \s and \S in terms of White_Space, inside and outside of brackets.
std::string with_unicode_spaces(std::string_view pattern) {
  std::string portable;
  bool in_brackets = false;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '\\' && i + 1 < pattern.size()) {
      const char escaped = pattern[++i];
      if (escaped == 's') {
        portable += in_brackets ? std::string(kSpaces) : "[" + std::string(kSpaces) + "]";
      } else if (escaped == 'S' && !in_brackets) {
        portable += "[^" + std::string(kSpaces) + "]";
      } else {
        portable += {'\\', escaped};
      }
      continue;
    }
    if (pattern[i] == '[') in_brackets = true;
    if (pattern[i] == ']') in_brackets = false;
    portable += pattern[i];
  }
  return portable;
}

}  // namespace

class PreTokenizer::Pattern {
 public:
  explicit Pattern(pcre2_code* code) : code_(code) {}
  Pattern(Pattern&& other) noexcept : code_(std::exchange(other.code_, nullptr)) {}
  Pattern& operator=(Pattern&& other) noexcept {
    std::swap(code_, other.code_);
    return *this;
  }
  ~Pattern() { pcre2_code_free(code_); }

  static Result<Pattern> compile(std::string_view source) {
    const std::string pattern = with_unicode_spaces(source);
    int code = 0;
    PCRE2_SIZE offset = 0;
    pcre2_code* compiled =
        pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
                      PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C, &code, &offset, nullptr);
    if (compiled == nullptr) {
      PCRE2_UCHAR message[256];
      pcre2_get_error_message(code, message, sizeof message);
      return invalid_argument("pre-tokenizer pattern {}: {} at offset {}", pattern,
                              reinterpret_cast<const char*>(message), offset);
    }
    pcre2_jit_compile(compiled, PCRE2_JIT_COMPLETE);  // without JIT it is only slower
    return Pattern(compiled);
  }

  void split(std::string_view text, std::vector<std::string_view>& pieces) const {
    pcre2_match_data* match = pcre2_match_data_create(1, nullptr);
    CHECK(match != nullptr, "out of memory");
    size_t begin = 0;  // of what is not in a piece yet
    size_t at = 0;
    while (at < text.size()) {
      // The text is valid UTF-8: checking it again at every match would make this quadratic.
      const int found = pcre2_match(code_, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(),
                                    at, PCRE2_NO_UTF_CHECK, match, nullptr);
      if (found < 0) break;  // no match, or one that a limit ended: the rest is one piece
      const PCRE2_SIZE* range = pcre2_get_ovector_pointer(match);
      const size_t first = range[0];
      const size_t last = range[1];
      if (last <= at) break;  // an empty match would never end
      if (first > begin) pieces.push_back(text.substr(begin, first - begin));
      if (last > first) pieces.push_back(text.substr(first, last - first));
      begin = at = last;
    }
    if (begin < text.size()) pieces.push_back(text.substr(begin));
    pcre2_match_data_free(match);
  }

 private:
  pcre2_code* code_;
};

PreTokenizer::PreTokenizer(std::vector<Pattern> patterns) : patterns_(std::move(patterns)) {}
PreTokenizer::PreTokenizer(PreTokenizer&&) noexcept = default;
PreTokenizer& PreTokenizer::operator=(PreTokenizer&&) noexcept = default;
PreTokenizer::~PreTokenizer() = default;

Result<PreTokenizer> PreTokenizer::compile(const std::vector<PreTokenizerStep>& steps) {
  std::vector<Pattern> patterns;
  for (const PreTokenizerStep& step : steps) {
    ASSIGN_OR_RETURN(Pattern pattern,
                     Pattern::compile(step.each_digit ? kDigitPattern : step.pattern));
    patterns.push_back(std::move(pattern));
  }
  return PreTokenizer(std::move(patterns));
}

Result<PreTokenizer> PreTokenizer::named(std::string_view name) {
  if (name == "gpt-2" || name == "gpt2")
    return compile({{.each_digit = false, .pattern = kGpt2Pattern}});
  if (name == "llama-bpe" || name == "llama3" || name == "llama-v3") {
    return compile({{.each_digit = false, .pattern = kLlama3Pattern}});
  }
  if (name == "smollm")
    return compile(
        {{.each_digit = true, .pattern = ""}, {.each_digit = false, .pattern = kGpt2Pattern}});
  return error(StatusCode::kUnimplemented,
               "pre-tokenizer {} is not supported; gpt-2, llama-bpe and smollm are", name);
}

std::vector<std::string_view> PreTokenizer::split(std::string_view text) const {
  std::vector<std::string_view> pieces;
  if (!text.empty()) pieces.push_back(text);
  for (const Pattern& pattern : patterns_) {
    std::vector<std::string_view> smaller;
    for (const std::string_view piece : pieces) pattern.split(piece, smaller);
    pieces = std::move(smaller);
  }
  return pieces;
}

}  // namespace puna

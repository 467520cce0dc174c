// The patterns are facts of the published tokenizers: GPT-2's, Llama 3's, Qwen's, Mistral's
// (tekken), OpenAI's, and SmolLM's digits.

#include <algorithm>

#include "tokenizer/bpe_vocabulary.h"
#include "tokenizer/pre_tokenizer.h"

namespace puna {

const char* const kGpt2Pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
const char* const kLlama3Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*)"
    R"(|\s*[\r\n]+|\s+(?!\S)|\s+)";

namespace {

// Rust's char::is_numeric: Nd, Nl, No.
constexpr const char* kDigitPattern = R"(\p{N})";
constexpr const char* kQwen2Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*)"
    R"(|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr const char* kTekkenPattern =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+)"
    R"(|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*)"
    R"(|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

enum class Family { kGpt2, kLlama3, kQwen2, kSmollm, kTekken };

struct Name {
  std::string_view name;
  Family family;
  bool ignore_merges = false;
  bool adds_bos = false;
};

// As llama.cpp reads them.
constexpr Name kNames[] = {
    {"gpt-2", Family::kGpt2},
    {"gpt2", Family::kGpt2},
    {"phi-2", Family::kGpt2},
    {"llama-bpe", Family::kLlama3, true, true},
    {"llama3", Family::kLlama3, true, true},
    {"llama-v3", Family::kLlama3, true, true},
    {"falcon3", Family::kLlama3, true, true},
    {"pixtral", Family::kLlama3, true, true},
    {"smaug-bpe", Family::kLlama3},
    {"dbrx", Family::kLlama3},
    {"smollm", Family::kSmollm},
    {"qwen2", Family::kQwen2},
    {"deepseek-r1-qwen", Family::kQwen2},
    {"stablelm2", Family::kQwen2},
    {"tekken", Family::kTekken, true},
};

PreTokenizerStep split_by(const char* pattern) {
  PreTokenizerStep step;
  step.pattern = pattern;
  return step;
}

std::vector<PreTokenizerStep> steps_of(Family family) {
  PreTokenizerStep bytes;
  bytes.kind = PreTokenizerStep::Kind::kByteLevel;
  switch (family) {
    case Family::kGpt2:
      return {split_by(kGpt2Pattern), bytes};
    case Family::kLlama3:
      return {split_by(kLlama3Pattern), bytes};
    case Family::kQwen2:
      return {split_by(kQwen2Pattern), bytes};
    case Family::kSmollm:
      return {split_by(kDigitPattern), split_by(kGpt2Pattern), bytes};
    case Family::kTekken:
      return {split_by(kTekkenPattern), bytes};
  }
  return {};
}

constexpr std::string_view kDigits = "0123456789";
constexpr std::string_view kSpelledSpace = "\xC4\xA0";    // "Ġ"
constexpr std::string_view kSpelledNewline = "\xC4\x8A";  // "Ċ"

}  // namespace

Result<NamedPreTokenizer> named_pre_tokenizer(std::string_view name) {
  for (const Name& one : kNames) {
    if (one.name == name)
      return NamedPreTokenizer{steps_of(one.family), one.ignore_merges, one.adds_bos};
  }
  std::string known;
  for (const Name& one : kNames) known += fmt::format("{}{}", known.empty() ? "" : ", ", one.name);
  return error(StatusCode::kUnimplemented,
               "tokenizer.ggml.pre: pre-tokenizer {} is not supported; {} are", name, known);
}

// Numbers tell: GPT-2's words take a space before digits and any count of them, Llama 3's at most
// three, the others one. Qwen's punctuation takes the newline after it, SmolLM's does not.
std::optional<std::string_view> recognise_pre_tokenizer(const std::vector<std::string>& pieces) {
  size_t digits_max = 0;
  bool space_before_digit = false;
  bool newline_after_mark = false;
  for (const std::string& piece : pieces) {
    if (piece.find_first_not_of(kDigits) == piece.npos) {
      digits_max = std::max(digits_max, piece.size());
    }
    const std::string_view text = piece;
    if (text.starts_with(kSpelledSpace) && text.size() > kSpelledSpace.size() &&
        kDigits.find(text[kSpelledSpace.size()]) != kDigits.npos) {
      space_before_digit = true;
    }
    const size_t newline = text.find(kSpelledNewline);
    if (newline == 1 && std::string_view(".,;:!?(){}[]\"'>").find(text[0]) != text.npos) {
      newline_after_mark = true;
    }
  }
  if (space_before_digit || digits_max > 3) return "gpt-2";
  if (digits_max > 1) return "llama-bpe";
  if (digits_max == 1) return newline_after_mark ? "qwen2" : "smollm";
  return std::nullopt;
}

}  // namespace puna

// PreTokenizer: cuts text into the words that byte-level BPE merges within. PCRE2 is behind this
// file only.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace puna {

// GPT-2's words; what a ByteLevel step with use_regex cuts by.
extern const char* const kGpt2Pattern;

// One cut of a text's pieces into smaller ones, as Hugging Face's pre-tokenizers do.
struct PreTokenizerStep {
  bool each_digit = false;  // every numeric character is a piece of its own
  std::string pattern;      // else: matches are pieces, and so is what lies between them
};

class PreTokenizer {
 public:
  // kInvalidArgument names the pattern and where PCRE2 stops understanding it.
  static Result<PreTokenizer> compile(const std::vector<PreTokenizerStep>& steps);
  // "gpt-2", "llama-bpe" or "smollm", the names GGUF files use; kUnimplemented lists them.
  static Result<PreTokenizer> named(std::string_view name);

  PreTokenizer(PreTokenizer&&) noexcept;
  PreTokenizer& operator=(PreTokenizer&&) noexcept;
  ~PreTokenizer();

  // Pieces in order, covering `text`, which is valid UTF-8.
  std::vector<std::string_view> split(std::string_view text) const;

 private:
  class Pattern;
  explicit PreTokenizer(std::vector<Pattern> patterns);
  std::vector<Pattern> patterns_;
};

}  // namespace puna

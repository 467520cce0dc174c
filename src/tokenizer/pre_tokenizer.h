// PreTokenizer: cuts text into the words that BPE merges within, step by step as Hugging Face's
// pre-tokenizers do.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "tokenizer/text_pattern.h"

namespace puna {

// What becomes of what a pattern matches.
enum class SplitBehaviour {
  kRemoved,
  kIsolated,
  kMergedWithPrevious,
  kMergedWithNext,
  kContiguous
};
// Where a space is put in front.
enum class PrependScheme { kAlways, kFirst, kNever };

struct PreTokenizerStep {
  enum class Kind {
    kSplit,      // by `pattern`
    kSpace,      // a space before every piece that has none
    kMetaspace,  // spaces become `replacement`, which is put before pieces by `prepend`
    kByteLevel,  // bytes become GPT-2's alphabet
  };
  Kind kind = Kind::kSplit;
  std::string pattern;
  SplitBehaviour behaviour = SplitBehaviour::kIsolated;
  bool invert = false;  // what lies between the matches is what is meant
  std::string replacement;
  PrependScheme prepend = PrependScheme::kAlways;
};

// GPT-2's words; what a ByteLevel step with use_regex cuts by.
extern const char* const kGpt2Pattern;
extern const char* const kLlama3Pattern;

// What a name that GGUF files use stands for.
struct NamedPreTokenizer {
  std::vector<PreTokenizerStep> steps;
  bool ignore_merges = false;
  bool adds_bos = false;
};
// kUnimplemented lists the names.
Result<NamedPreTokenizer> named_pre_tokenizer(std::string_view name);
// The name that fits a vocabulary of byte-level pieces; nothing where several would.
std::optional<std::string_view> recognise_pre_tokenizer(const std::vector<std::string>& pieces);

// The words of a text, and the bytes that steps wrote for them.
struct Words {
  std::vector<std::string_view> words;
  std::deque<std::string> written;
};

class PreTokenizer {
 public:
  // kInvalidArgument names the pattern and what of it is not understood.
  static Result<PreTokenizer> compile(std::vector<PreTokenizerStep> steps);

  // Words are bytes: the last step is byte-level, and is left to the reader.
  bool gives_bytes() const { return gives_bytes_; }
  // In order. `text` is valid UTF-8 and outlives the words; `at_start`: it begins the whole text.
  Status split(std::string_view text, bool at_start, Words& words) const;

 private:
  struct Piece {
    std::string_view text;
    bool at_start = false;
  };
  Status apply(size_t index, std::vector<Piece>& pieces, Words& words) const;
  Status cut(size_t index, const Piece& piece, std::vector<Piece>& pieces) const;

  std::vector<PreTokenizerStep> steps_;
  std::vector<std::optional<TextPattern>> patterns_;  // by step
  bool gives_bytes_ = false;
};

}  // namespace puna

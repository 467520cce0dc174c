// VocabularyTokenizer: added tokens, normaliser and a vocabulary's own way with words, put
// together.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/status.h"
#include "tokenizer/added_tokens.h"
#include "tokenizer/normalizer.h"
#include "tokenizer/tokenizer.h"

namespace puna {

// Texts by their characters, found without a copy.
struct TextHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};
using IdsByText = std::unordered_map<std::string, TokenId, TextHash, std::equal_to<>>;

// Turns normalised text without added tokens into ids: BPE, or SentencePiece's library.
class WordEncoder {
 public:
  virtual ~WordEncoder() = default;
  // Appends to `ids`. `at_start`: the stretch begins the whole text.
  virtual Status encode(std::string_view text, bool at_start, std::vector<TokenId>& ids) const = 0;
  // No text gives one of these ids any more (`ids` is by id): only an added token is one.
  virtual void forbid(const std::vector<bool>& ids) = 0;
};

struct VocabularyParts {
  std::vector<std::string> pieces;  // by id, as the vocabulary spells them
  std::vector<std::string> bytes;   // by id, what they stand for
  std::vector<AddedToken> added;
  Normalizer normalizer;
  std::unique_ptr<WordEncoder> encoder;
  std::optional<TokenId> bos, eos;
  PromptEnds ends;
  bool has_dummy_prefix = false;
  // Every text comes back as it was: ill-formed UTF-8 too, and special tokens come only of
  // templates.
  bool gives_text_back = false;
  std::string_view kind;
};

// Added tokens stand for their content, control tokens for nothing, whatever `bytes` says.
Result<std::unique_ptr<Tokenizer>> make_vocabulary_tokenizer(VocabularyParts parts);

}  // namespace puna

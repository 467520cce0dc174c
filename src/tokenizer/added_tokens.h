// AddedTokens: the tokens that are found whole in a text, before any word is cut. Immutable once
// set up.
//
// As in Hugging Face tokenizers: leftmost, then longest; first those that are matched in the text
// as it is, then, between them, those that are matched in normalised text. Linear in the text.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/llama_config.h"
#include "tokenizer/normalizer.h"

namespace puna {

struct AddedToken {
  std::string content;
  TokenId id = 0;
  bool special = false;      // a control token: shown to nobody, never made of a person's text
  bool normalized = false;   // matched after the normaliser has run
  bool lstrip = false;       // takes the white space before it
  bool rstrip = false;       // and after it
  bool single_word = false;  // not beside letters, digits or '_'
  bool in_model = false;     // one of the model's own pieces too
};

// Either a stretch of text or one added token.
struct TextPiece {
  NormalText text;
  std::optional<TokenId> token;
  bool at_start = false;  // of the whole text, before anything was cut
};

// Which of the tokens count.
enum class AddedTokenUse {
  kAll,           // wherever they stand
  kNotSpecial,    // control tokens are read as text
  kTemplateOnly,  // control tokens and marks only where the template wrote every byte
};

// Finds the longest spelling at a place; a table for the first byte, then a sorted list a byte.
class SpellingTrie {
 public:
  void add(std::string_view spelling, size_t index);
  bool may_begin(char first) const { return roots_[static_cast<unsigned char>(first)] != 0; }
  // The index of the longest spelling that `text` begins with, and its length.
  std::optional<std::pair<size_t, size_t>> longest(std::string_view text) const;

 private:
  struct Node {
    std::vector<std::pair<char, uint32_t>> next;  // sorted by byte
    std::optional<size_t> index;
  };
  uint32_t child(uint32_t node, char byte) const;  // 0: none

  std::array<uint32_t, 256> roots_{};
  std::vector<Node> nodes_{1};
};

class AddedTokens {
 public:
  // `normalizer` outlives this. An error is the normaliser's.
  static Result<AddedTokens> make(std::vector<AddedToken> tokens, const Normalizer& normalizer);

  const std::vector<AddedToken>& tokens() const { return tokens_; }
  // A token that a chat template writes is guarded like a control token.
  void guard(const std::function<bool(const AddedToken&)>& is_mark);
  // By id, for a vocabulary of this size.
  std::vector<bool> guarded_ids(size_t vocabulary_size) const;

  // Cuts valid UTF-8 and normalises what lies between the tokens. The marks of `text` say which
  // bytes the template wrote (kTemplateOnly asks for them).
  Result<std::vector<TextPiece>> split(NormalText text, AddedTokenUse use,
                                       const Normalizer& normalizer) const;

 private:
  bool counts(const AddedToken& token, const NormalText& text, size_t begin, size_t end,
              AddedTokenUse use) const;
  void cut(const SpellingTrie& trie, TextPiece whole, AddedTokenUse use,
           std::vector<TextPiece>& pieces) const;

  std::vector<AddedToken> tokens_;
  std::vector<bool> guarded_;  // by index in tokens_
  SpellingTrie raw_, normalized_;
  bool any_normalized_ = false;
};

}  // namespace puna

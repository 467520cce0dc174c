// SpecialTokenFinder: cuts text at the spellings of special tokens. Immutable.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/llama_config.h"
#include "tokenizer/chat_message.h"

namespace puna {

// Either a stretch of text or one special token.
struct TextPiece {
  std::string_view text;
  std::optional<TokenId> special;
};

class SpecialTokenFinder {
 public:
  SpecialTokenFinder() = default;
  explicit SpecialTokenFinder(std::vector<std::pair<std::string, TokenId>> tokens);

  // Leftmost, then longest, as Hugging Face cuts. A match counts where `allowed` says so for its
  // bytes [begin, end).
  std::vector<TextPiece> split(std::string_view text,
                               const std::function<bool(size_t, size_t)>& allowed) const;
  // Everywhere.
  std::vector<TextPiece> split(std::string_view text) const;
  // Where the template wrote every byte.
  std::vector<TextPiece> split(const PromptText& prompt) const;

 private:
  const std::pair<std::string, TokenId>* match(std::string_view text) const;

  std::vector<std::pair<std::string, TokenId>> tokens_;  // longest first
  std::string first_bytes_;                              // of all tokens
};

}  // namespace puna

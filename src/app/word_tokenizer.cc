// Only ids are turned into text: prompts of a measurement are ids already.

#include "app/word_tokenizer.h"

#include <fmt/format.h>

namespace puna {
namespace {

class WordTokenizer final : public Tokenizer {
 public:
  explicit WordTokenizer(int vocabulary_size) {
    for (int id = 0; id < vocabulary_size; ++id) words_.push_back(fmt::format(" {:x}", id));
  }

  Result<std::vector<TokenId>> encode(std::string_view text, SpecialTokens) const override {
    return std::vector<TokenId>(text.empty() ? 0 : 1, 0);
  }
  Result<std::vector<TokenId>> encode_prompt(const PromptText&) const override {
    return std::vector<TokenId>{0};
  }
  std::string_view token_bytes(TokenId id) const override {
    const bool exists = id >= 0 && static_cast<size_t>(id) < words_.size();
    return exists ? std::string_view(words_[static_cast<size_t>(id)]) : std::string_view();
  }
  std::string_view token_piece(TokenId id) const override { return token_bytes(id); }
  bool is_special(TokenId) const override { return false; }
  std::optional<TokenId> find_piece(std::string_view) const override { return std::nullopt; }
  int vocabulary_size() const override { return static_cast<int>(words_.size()); }
  std::optional<TokenId> bos_id() const override { return std::nullopt; }
  std::optional<TokenId> eos_id() const override { return std::nullopt; }
  const PromptEnds& prompt_ends() const override { return ends_; }
  bool has_dummy_prefix() const override { return false; }
  std::string_view kind() const override { return "words"; }

 private:
  std::vector<std::string> words_;  // [vocabulary_size]
  PromptEnds ends_;
};

}  // namespace

std::unique_ptr<Tokenizer> make_word_tokenizer(int vocabulary_size) {
  return std::make_unique<WordTokenizer>(vocabulary_size);
}

}  // namespace puna

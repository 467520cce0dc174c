// Ids are bytes.

#include "tokenizer/byte_tokenizer.h"

#include <array>

#include "tokenizer/special_tokens.h"

namespace puna {
namespace {

constexpr TokenId kByteCount = 256;
constexpr std::array<std::string_view, 3> kSpecialTokens = {"<|endoftext|>", "<|im_start|>",
                                                            "<|im_end|>"};
constexpr TokenId kEndOfAnswer = kByteCount + 2;

std::vector<std::pair<std::string, TokenId>> special_tokens() {
  std::vector<std::pair<std::string, TokenId>> tokens;
  for (size_t i = 0; i < kSpecialTokens.size(); ++i) {
    tokens.emplace_back(kSpecialTokens[i], kByteCount + static_cast<TokenId>(i));
  }
  return tokens;
}

class ByteTokenizer final : public Tokenizer {
 public:
  ByteTokenizer() : finder_(special_tokens()) {
    for (size_t i = 0; i < bytes_.size(); ++i) bytes_[i] = static_cast<char>(i);
  }

  std::vector<TokenId> encode(std::string_view text, SpecialTokens special) const override {
    if (special == SpecialTokens::kRecognise) return ids_of(finder_.split(text));
    return ids_of({TextPiece{text, std::nullopt}});
  }
  std::vector<TokenId> encode_prompt(const PromptText& prompt) const override {
    return ids_of(finder_.split(prompt));
  }
  std::string_view token_bytes(TokenId id) const override {
    return id >= 0 && id < kByteCount ? std::string_view(&bytes_[static_cast<size_t>(id)], 1)
                                      : std::string_view();
  }
  std::string_view token_piece(TokenId id) const override {
    return is_special(id) ? kSpecialTokens[static_cast<size_t>(id - kByteCount)] : token_bytes(id);
  }
  bool is_special(TokenId id) const override { return id >= kByteCount && id < vocabulary_size(); }
  std::optional<TokenId> find_piece(std::string_view piece) const override {
    if (piece.size() == 1) return static_cast<unsigned char>(piece[0]);
    for (size_t i = 0; i < kSpecialTokens.size(); ++i) {
      if (piece == kSpecialTokens[i]) return kByteCount + static_cast<TokenId>(i);
    }
    return std::nullopt;
  }
  int vocabulary_size() const override {
    return kByteCount + static_cast<int>(kSpecialTokens.size());
  }
  std::optional<TokenId> bos_id() const override { return std::nullopt; }
  std::optional<TokenId> eos_id() const override { return kEndOfAnswer; }
  bool adds_bos() const override { return false; }
  bool has_dummy_prefix() const override { return false; }
  std::string_view kind() const override { return "bytes"; }

 private:
  static std::vector<TokenId> ids_of(const std::vector<TextPiece>& pieces) {
    std::vector<TokenId> ids;
    for (const TextPiece& piece : pieces) {
      if (piece.special) {
        ids.push_back(*piece.special);
        continue;
      }
      for (const char c : piece.text) ids.push_back(static_cast<unsigned char>(c));
    }
    return ids;
  }

  SpecialTokenFinder finder_;
  std::array<char, kByteCount> bytes_{};
};

}  // namespace

std::unique_ptr<Tokenizer> make_byte_tokenizer() { return std::make_unique<ByteTokenizer>(); }

}  // namespace puna

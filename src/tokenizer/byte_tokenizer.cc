// Ids are bytes.

#include "tokenizer/byte_tokenizer.h"

#include <array>

#include "tokenizer/vocabulary_tokenizer.h"

namespace puna {
namespace {

constexpr TokenId kByteCount = 256;
constexpr std::array<std::string_view, 3> kSpecialTokens = {"<|endoftext|>", "<|im_start|>",
                                                            "<|im_end|>"};
constexpr TokenId kEndOfAnswer = kByteCount + 2;

class ByteEncoder final : public WordEncoder {
 public:
  Status encode(std::string_view text, bool /*at_start*/,
                std::vector<TokenId>& ids) const override {
    for (const char c : text) ids.push_back(static_cast<unsigned char>(c));
    return {};
  }
  void forbid(const std::vector<bool>& /*ids*/) override {}
};

}  // namespace

std::unique_ptr<Tokenizer> make_byte_tokenizer() {
  VocabularyParts parts;
  for (int byte = 0; byte < kByteCount; ++byte) {
    parts.pieces.emplace_back(1, static_cast<char>(byte));
  }
  parts.bytes = parts.pieces;
  for (const std::string_view name : kSpecialTokens) {
    AddedToken token;
    token.content = name;
    token.id = static_cast<TokenId>(parts.pieces.size());
    token.special = true;
    parts.pieces.push_back(token.content);
    parts.added.push_back(std::move(token));
  }
  parts.encoder = std::make_unique<ByteEncoder>();
  parts.eos = kEndOfAnswer;
  parts.gives_text_back = true;
  parts.kind = "bytes";
  return make_vocabulary_tokenizer(std::move(parts)).value();
}

}  // namespace puna

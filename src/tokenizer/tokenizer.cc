// What all tokenizers do the same way.

#include "tokenizer/tokenizer.h"

#include "tokenizer/detokenizer.h"

namespace puna {

Result<std::vector<TokenId>> Tokenizer::encode_plain(std::string_view text) const {
  std::vector<TokenId> ids = prompt_ends().before;
  ASSIGN_OR_RETURN(const std::vector<TokenId> words, encode(text, SpecialTokens::kRecognise));
  ids.insert(ids.end(), words.begin(), words.end());
  ids.insert(ids.end(), prompt_ends().after.begin(), prompt_ends().after.end());
  return ids;
}

bool Tokenizer::adds_bos() const {
  const std::vector<TokenId>& before = prompt_ends().before;
  return bos_id() && !before.empty() && before.front() == *bos_id();
}

std::string Tokenizer::decode(std::span<const TokenId> ids, SpecialText special) const {
  Detokenizer detokenizer(*this, /*at_text_start=*/true, special);
  std::string text;
  for (const TokenId id : ids) text += detokenizer.push(id);
  return text + detokenizer.finish();
}

}  // namespace puna

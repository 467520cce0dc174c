// What all tokenizers do the same way.

#include "tokenizer/tokenizer.h"

#include "tokenizer/detokenizer.h"

namespace puna {

std::string Tokenizer::decode(std::span<const TokenId> ids, SpecialText special) const {
  Detokenizer detokenizer(*this, /*at_text_start=*/true, special);
  std::string text;
  for (const TokenId id : ids) text += detokenizer.push(id);
  return text + detokenizer.finish();
}

}  // namespace puna

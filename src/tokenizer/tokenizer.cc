// What all tokenizers do the same way.

#include "tokenizer/tokenizer.h"

#include "tokenizer/detokenizer.h"

namespace puna {

std::string Tokenizer::decode(std::span<const TokenId> ids) const {
  Detokenizer detokenizer(*this, /*at_text_start=*/true);
  std::string text;
  for (const TokenId id : ids) text += detokenizer.push(id);
  return text + detokenizer.finish();
}

}  // namespace puna

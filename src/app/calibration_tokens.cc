// Texts one after the other.

#include "app/calibration_tokens.h"

#include "quantise/calibration_text.h"

namespace puna {

std::vector<TokenId> calibration_tokens(const Tokenizer& tokenizer) {
  std::vector<TokenId> tokens;
  for (const std::string_view text : calibration_texts()) {
    if (tokenizer.adds_bos()) tokens.push_back(*tokenizer.bos_id());
    const auto ids = tokenizer.encode(text, SpecialTokens::kAsText);
    CHECK(ids.ok(), "a text of our own is beyond the tokenizer's limits");
    tokens.insert(tokens.end(), ids->begin(), ids->end());
  }
  return tokens;
}

}  // namespace puna

// Bytes are held back only while they may still become a character.

#include "tokenizer/detokenizer.h"

#include "base/utf8.h"

namespace puna {

Detokenizer::Detokenizer(const Tokenizer& tokenizer, bool at_text_start, SpecialText special)
    : tokenizer_(tokenizer),
      special_(special),
      drop_space_(at_text_start && tokenizer.has_dummy_prefix()) {}

std::string Detokenizer::push(TokenId id) {
  if (tokenizer_.is_special(id)) {
    if (special_ == SpecialText::kLeftOut) return "";
    return finish() + std::string(tokenizer_.token_piece(id));
  }
  std::string_view bytes = tokenizer_.token_bytes(id);
  if (drop_space_ && !bytes.empty()) {
    if (bytes.front() == ' ') bytes.remove_prefix(1);
    drop_space_ = false;
  }
  pending_ += bytes;
  const size_t certain = pending_.size() - incomplete_utf8_suffix(pending_);
  std::string text = repair_utf8(std::string_view(pending_).substr(0, certain));
  pending_.erase(0, certain);
  return text;
}

std::string Detokenizer::finish() {
  std::string text = repair_utf8(pending_);
  pending_.clear();
  return text;
}

}  // namespace puna

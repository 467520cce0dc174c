// Detokenizer: turns a stream of token ids into text, never splitting a character.
#pragma once

#include <string>

#include "tokenizer/tokenizer.h"

namespace puna {

class Detokenizer {
 public:
  // `at_text_start`: the first token begins a text of its own (a chat answer), so SentencePiece's
  // dummy prefix space is dropped; false when it continues a prompt.
  Detokenizer(const Tokenizer& tokenizer, bool at_text_start,
              SpecialText special = SpecialText::kLeftOut);

  // Text that is certain now; up to 3 bytes of an unfinished character are held back.
  std::string push(TokenId id);
  // What was held back, as U+FFFD when it never became a character.
  std::string finish();

 private:
  const Tokenizer& tokenizer_;
  const SpecialText special_;
  bool drop_space_;
  std::string pending_;
};

}  // namespace puna

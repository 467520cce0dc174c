// A tokenizer without a vocabulary file, for the fake backend: one token per byte, and special
// tokens <|endoftext|> (256), <|im_start|> (257) and <|im_end|> (258, the end of an answer), which
// only chat templates write.
#pragma once

#include <memory>

#include "tokenizer/tokenizer.h"

namespace puna {

std::unique_ptr<Tokenizer> make_byte_tokenizer();

}  // namespace puna

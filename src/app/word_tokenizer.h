// A tokenizer for weights that came without one: every token is a short word, so that text has the
// length of real text.
#pragma once

#include <memory>

#include "tokenizer/tokenizer.h"

namespace puna {

std::unique_ptr<Tokenizer> make_word_tokenizer(int vocabulary_size);

}  // namespace puna

// Llama 3's own tokenizer.model: a list of tokens in base64 with their ranks, a line each.
#pragma once

#include <string_view>

#include "base/status.h"
#include "tokenizer/bpe_vocabulary.h"

namespace puna {

// Whether the first line is one of such a list; SentencePiece's models are binary.
bool is_tiktoken_list(std::string_view bytes);
// Words are cut as Llama 3 cuts them; special tokens are not in the file.
Result<BpeVocabulary> read_tiktoken(std::string_view bytes, std::string_view origin);

}  // namespace puna

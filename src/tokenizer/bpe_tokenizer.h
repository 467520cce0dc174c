// Byte-level BPE: GPT-2's scheme, as SmolLM2 and Llama 3 use it.
#pragma once

#include <memory>
#include <string_view>

#include "base/status.h"
#include "tokenizer/bpe_vocabulary.h"
#include "tokenizer/tokenizer.h"

namespace puna {

// kInvalidArgument (beginning with `origin`) for a merge of unknown pieces or an unknown
// pre-tokenizer.
Result<std::unique_ptr<Tokenizer>> make_bpe_tokenizer(BpeVocabulary vocabulary,
                                                      std::string_view origin);

}  // namespace puna

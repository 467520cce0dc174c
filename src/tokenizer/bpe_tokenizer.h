// BPE: byte-level, as SmolLM2 and Llama 3 use it, and over characters with bytes to fall back on,
// as tokenizer.json files of Llama 2's family do.
#pragma once

#include <memory>
#include <string_view>

#include "base/status.h"
#include "tokenizer/bpe_vocabulary.h"
#include "tokenizer/tokenizer.h"

namespace puna {

// kInvalidArgument (beginning with `origin`) for a merge of unknown pieces, or a pattern that is
// not understood.
Result<std::unique_ptr<Tokenizer>> make_bpe_tokenizer(BpeVocabulary vocabulary,
                                                      std::string_view origin);

}  // namespace puna

// What both kinds of vocabulary of a GGUF file share: metadata `tokenizer.ggml.*`.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "model/gguf.h"
#include "model/llama_config.h"
#include "tokenizer/sentencepiece_vocabulary.h"

namespace puna {

struct GgufTokens {
  std::vector<std::string> pieces;
  std::vector<PieceType> types;  // by id
  std::optional<TokenId> bos, eos;
  std::optional<bool> adds_bos, adds_eos;
};

// Missing types are told from the spellings, with a line in the log. Tokens that the file names as
// BOS, EOS or an end of turn are control tokens.
Result<GgufTokens> read_gguf_tokens(const GgufFile& gguf);

}  // namespace puna

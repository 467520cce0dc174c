// SentencePiece, as Llama 2 and TinyLlama use it. libsentencepiece is behind this file only.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>

#include "base/status.h"
#include "tokenizer/tokenizer.h"

namespace puna {

struct SentencePieceOptions {
  std::optional<TokenId> bos, eos;  // empty: the model's own
  bool adds_bos = true;
  bool adds_dummy_prefix = true;
};

// `model` is a serialised ModelProto: the bytes of a tokenizer.model.
Result<std::unique_ptr<Tokenizer>> make_sentencepiece_tokenizer(std::string_view model,
                                                                const SentencePieceOptions& options,
                                                                std::string_view origin);

}  // namespace puna

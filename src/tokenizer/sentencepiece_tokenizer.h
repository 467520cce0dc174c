// SentencePiece, as Llama 2 and TinyLlama use it. libsentencepiece is behind this file only.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "base/status.h"
#include "tokenizer/pre_tokenizer.h"
#include "tokenizer/sentencepiece_vocabulary.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/tokenizer_config.h"

namespace puna {

struct SentencePieceOptions {
  // A space before the first word of every stretch between added tokens, of the text, or nowhere.
  PrependScheme prepend = PrependScheme::kAlways;
  TokenizerConfig config;
};

// `origin` begins messages.
Result<std::unique_ptr<Tokenizer>> make_sentencepiece_tokenizer(SentencePieceVocabulary vocabulary,
                                                                SentencePieceOptions options,
                                                                std::string_view origin);

}  // namespace puna

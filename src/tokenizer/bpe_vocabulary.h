// BpeVocabulary: the data of a byte-level BPE tokenizer, from tokenizer.json or GGUF metadata.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "model/gguf.h"
#include "model/llama_config.h"
#include "tokenizer/pre_tokenizer.h"

namespace puna {

struct BpeVocabulary {
  std::vector<std::string> pieces;  // by id, as the file spells them (byte-level alphabet)
  std::vector<std::pair<std::string, std::string>> merges;  // by rank
  std::vector<TokenId> special;                             // control tokens: never from text
  std::vector<TokenId> added;                               // recognised whole, in any text
  bool ignore_merges = false;                               // a word that is a token is that token
  std::optional<TokenId> bos, eos;
  bool adds_bos = false;
  std::vector<PreTokenizerStep> pre_tokenizer_steps;
  std::string pre_tokenizer_name;  // instead of steps, in GGUF files
};

// Reads metadata `tokenizer.ggml.*` of model "gpt2".
Result<BpeVocabulary> read_gguf_bpe(const GgufFile& gguf);
// Reads tokenizer.json with a model of type BPE and byte-level pieces. `origin` begins messages.
Result<BpeVocabulary> read_json_bpe(const Json& json, std::string_view origin);

// Bytes that a byte-level spelling stands for; nothing when a character is not of the alphabet.
std::optional<std::string> decode_byte_level(std::string_view spelling);
// The spelling of a byte: printable Latin-1 stands for itself, other bytes for U+0100 and on.
std::string byte_level_spelling(unsigned char byte);

}  // namespace puna

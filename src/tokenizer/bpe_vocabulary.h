// BpeVocabulary: the data of a BPE tokenizer, whichever file it comes from.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "model/gguf.h"
#include "model/llama_config.h"
#include "tokenizer/added_tokens.h"
#include "tokenizer/normalizer.h"
#include "tokenizer/pre_tokenizer.h"
#include "tokenizer/tokenizer.h"

namespace puna {

struct BpeMerge {
  std::string left, right;
};

// What the decoder makes of a piece's spelling.
struct PieceSpelling {
  bool byte_level = false;                                    // GPT-2's alphabet
  bool byte_fallback = false;                                 // "<0x0A>" is a byte
  std::vector<std::pair<std::string, std::string>> replaced;  // "▁" by " "
  bool drops_first_space = false;
};

struct BpeVocabulary {
  std::vector<std::string> pieces;  // by id, as the file spells them
  std::vector<BpeMerge> merges;     // by rank
  // Instead of merges: any two neighbours that are a piece together merge, lowest id first
  // (tiktoken).
  bool merges_by_id = false;
  std::vector<AddedToken> added;
  std::vector<NormalizerStep> normalizer;
  std::vector<PreTokenizerStep> pre_tokenizer;
  PieceSpelling spelling;
  bool ignore_merges = false;  // a word that is a piece is that piece
  bool byte_fallback = false;  // an unknown character is its bytes, where the vocabulary has them
  bool fuse_unk = false;       // neighbours that are unknown are one unk_token
  std::optional<std::string> unk_token;
  std::string continuing_subword_prefix, end_of_word_suffix;
  std::optional<TokenId> bos, eos;
  PromptEnds ends;
};

// Reads metadata `tokenizer.ggml.*` of model "gpt2".
Result<BpeVocabulary> read_gguf_bpe(const GgufFile& gguf);
// Reads tokenizer.json with a model of type BPE. `origin` begins messages.
Result<BpeVocabulary> read_json_bpe(const Json& json, std::string_view origin);

// The id of `piece`, in a walk through all of them.
std::optional<TokenId> find_piece(const std::vector<std::string>& pieces, std::string_view piece);

// Bytes that a byte-level spelling stands for; nothing when a character is not of the alphabet.
std::optional<std::string> decode_byte_level(std::string_view spelling);
// The spelling of a byte: printable Latin-1 stands for itself, other bytes for U+0100 and on.
std::string byte_level_spelling(unsigned char byte);
std::string byte_level_spelling(std::string_view bytes);

}  // namespace puna

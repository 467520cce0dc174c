// The pieces of a SentencePiece model, read from and written to the file format of its library.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "model/gguf.h"
#include "model/llama_config.h"

namespace puna {

// The numbers are those of SentencePiece's and GGUF's formats alike.
enum class PieceType {
  kNormal = 1,
  kUnknown = 2,
  kControl = 3,
  kUserDefined = 4,
  kUnused = 5,
  kByte = 6
};

struct SentencePiece {
  std::string text;
  float score = 0;
  PieceType type = PieceType::kNormal;
};

struct SentencePieceVocabulary {
  std::vector<SentencePiece> pieces;  // by id
  bool adds_dummy_prefix = true;
  std::string specs;  // how it was trained and how it normalises: fields as the format has them
  std::optional<TokenId> bos, eos;
  bool adds_bos = true;
  bool adds_eos = false;
};

// Reads metadata `tokenizer.ggml.*` of model "llama".
Result<SentencePieceVocabulary> read_gguf_sentencepiece(const GgufFile& gguf);
// Reads a tokenizer.model: a serialised ModelProto (sentencepiece_model.proto).
Result<SentencePieceVocabulary> parse_sentencepiece_model(std::string_view bytes,
                                                          std::string_view origin);

// Of a BPE model that takes text as it is, and falls back on bytes where it has them all.
std::string make_sentencepiece_specs(const SentencePieceVocabulary& vocabulary);
// A serialised ModelProto.
std::string serialize_model(const SentencePieceVocabulary& vocabulary);

}  // namespace puna

// The pieces of a SentencePiece model, and the model file that libsentencepiece wants made of them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
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
  std::optional<TokenId> bos, eos;
  bool adds_bos = true;
};

// Reads metadata `tokenizer.ggml.*` of model "llama".
Result<SentencePieceVocabulary> read_gguf_sentencepiece(const GgufFile& gguf);
// Reads a tokenizer.json that was converted from a SentencePiece BPE model (Llama 2's,
// TinyLlama's).
Result<SentencePieceVocabulary> read_json_sentencepiece(const Json& json, std::string_view origin);

// A serialised ModelProto (sentencepiece_model.proto) of a BPE model with byte fallback.
std::string serialize_model(const SentencePieceVocabulary& vocabulary);

}  // namespace puna

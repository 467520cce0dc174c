// Field numbers of sentencepiece_model.proto; wire format of protocol buffers.

#include <cstring>

#include "tokenizer/sentencepiece_vocabulary.h"

namespace puna {
namespace {

constexpr uint32_t kVarint = 0, kLengthDelimited = 2, kFixed32 = 5;
constexpr uint64_t kModelTypeBpe = 2;

void append_varint(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

void append_number(std::string& out, uint32_t field, uint64_t value) {
  append_varint(out, field << 3 | kVarint);
  append_varint(out, value);
}

void append_bytes(std::string& out, uint32_t field, std::string_view bytes) {
  append_varint(out, field << 3 | kLengthDelimited);
  append_varint(out, bytes.size());
  out += bytes;
}

void append_float(std::string& out, uint32_t field, float value) {
  append_varint(out, field << 3 | kFixed32);
  char bytes[sizeof value];
  std::memcpy(bytes, &value, sizeof value);
  out.append(bytes, sizeof bytes);
}

std::string trainer_spec(const SentencePieceVocabulary& vocabulary) {
  std::string spec;
  append_number(spec, 3, kModelTypeBpe);             // model_type
  append_number(spec, 4, vocabulary.pieces.size());  // vocab_size
  append_number(spec, 35, 1);                        // byte_fallback
  for (size_t i = 0; i < vocabulary.pieces.size(); ++i) {
    if (vocabulary.pieces[i].type == PieceType::kUnknown) append_number(spec, 40, i);  // unk_id
  }
  return spec;
}

std::string normalizer_spec(const SentencePieceVocabulary& vocabulary) {
  std::string spec;
  append_bytes(spec, 1, "identity");                             // name
  append_number(spec, 3, vocabulary.adds_dummy_prefix ? 1 : 0);  // add_dummy_prefix
  append_number(spec, 4, 0);                                     // remove_extra_whitespaces
  append_number(spec, 5, 1);                                     // escape_whitespaces
  return spec;
}

}  // namespace

std::string serialize_model(const SentencePieceVocabulary& vocabulary) {
  std::string model;
  for (const SentencePiece& piece : vocabulary.pieces) {
    std::string message;
    append_bytes(message, 1, piece.text);
    append_float(message, 2, piece.score);
    append_number(message, 3, static_cast<uint64_t>(piece.type));
    append_bytes(model, 1, message);
  }
  append_bytes(model, 2, trainer_spec(vocabulary));
  append_bytes(model, 3, normalizer_spec(vocabulary));
  return model;
}

}  // namespace puna

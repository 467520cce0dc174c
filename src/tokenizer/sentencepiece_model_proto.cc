// Field numbers of sentencepiece_model.proto; wire format of protocol buffers.

#include <algorithm>
#include <cmath>
#include <cstring>

#include "tokenizer/sentencepiece_vocabulary.h"

namespace puna {
namespace {

constexpr uint32_t kVarint = 0, kFixed64 = 1, kLengthDelimited = 2, kFixed32 = 5;
constexpr uint64_t kModelTypeBpe = 2;
// ModelProto's fields; the library's own tests of a model (4) are left out.
constexpr uint32_t kPieces = 1, kTrainerSpec = 2, kNormalizerSpec = 3, kSelfTest = 4;
constexpr uint32_t kAddDummyPrefix = 3;  // of NormalizerSpec

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

struct Field {
  uint32_t number = 0;
  uint32_t wire_type = 0;
  uint64_t value = 0;      // of a varint
  std::string_view bytes;  // of the others
};

// The fields of one message, front to back.
class MessageReader {
 public:
  explicit MessageReader(std::string_view bytes) : rest_(bytes) {}

  bool at_end() const { return rest_.empty(); }
  // False for bytes that are no field.
  bool next(Field& field) {
    uint64_t tag = 0;
    if (!varint(tag) || tag >> 3 == 0 || tag >> 3 > UINT32_MAX) return false;
    field = {static_cast<uint32_t>(tag >> 3), static_cast<uint32_t>(tag & 7), 0, {}};
    switch (field.wire_type) {
      case kVarint:
        return varint(field.value);
      case kFixed64:
        return take(8, field.bytes);
      case kFixed32:
        return take(4, field.bytes);
      case kLengthDelimited: {
        uint64_t length = 0;
        return varint(length) && take(length, field.bytes);
      }
      default:
        return false;
    }
  }

 private:
  bool varint(uint64_t& value) {
    value = 0;
    for (unsigned shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      value |= uint64_t{byte & 0x7FU} << shift;
      if (byte < 0x80) return true;
    }
    return false;
  }
  bool take(uint64_t length, std::string_view& bytes) {
    if (length > rest_.size()) return false;
    bytes = rest_.substr(0, length);
    rest_.remove_prefix(length);
    return true;
  }

  std::string_view rest_;
};

bool parse_piece(std::string_view bytes, SentencePiece& piece) {
  MessageReader reader(bytes);
  while (!reader.at_end()) {
    Field field;
    if (!reader.next(field)) return false;
    if (field.number == 1 && field.wire_type == kLengthDelimited) piece.text = field.bytes;
    if (field.number == 2 && field.wire_type == kFixed32) {
      std::memcpy(&piece.score, field.bytes.data(), sizeof piece.score);
    }
    if (field.number == 3 && field.wire_type == kVarint) {
      if (field.value < static_cast<uint64_t>(PieceType::kNormal) ||
          field.value > static_cast<uint64_t>(PieceType::kByte)) {
        return false;
      }
      piece.type = static_cast<PieceType>(field.value);
    }
  }
  return !std::isnan(piece.score);
}

bool parse_normalizer(std::string_view bytes, SentencePieceVocabulary& vocabulary) {
  MessageReader reader(bytes);
  while (!reader.at_end()) {
    Field field;
    if (!reader.next(field)) return false;
    if (field.number == kAddDummyPrefix && field.wire_type == kVarint) {
      vocabulary.adds_dummy_prefix = field.value != 0;
    }
  }
  return true;
}

bool parse_model(std::string_view bytes, SentencePieceVocabulary& vocabulary) {
  MessageReader reader(bytes);
  while (!reader.at_end()) {
    Field field;
    if (!reader.next(field)) return false;
    if (field.wire_type != kLengthDelimited || field.number == kSelfTest) continue;
    if (field.number == kPieces) {
      if (vocabulary.pieces.size() >= kVocabularySizeMax) return false;
      if (!parse_piece(field.bytes, vocabulary.pieces.emplace_back())) return false;
      continue;
    }
    if (field.number == kNormalizerSpec && !parse_normalizer(field.bytes, vocabulary)) return false;
    append_bytes(vocabulary.specs, field.number, field.bytes);
  }
  return !vocabulary.pieces.empty();
}

}  // namespace

Result<SentencePieceVocabulary> parse_sentencepiece_model(std::string_view bytes,
                                                          std::string_view origin) {
  SentencePieceVocabulary vocabulary;
  if (!parse_model(bytes, vocabulary)) {
    return invalid_argument(
        "{}: not a SentencePiece model, and not a tiktoken list; fetch the file again", origin);
  }
  return vocabulary;
}

std::string make_sentencepiece_specs(const SentencePieceVocabulary& vocabulary) {
  std::string trainer;
  append_number(trainer, 3, kModelTypeBpe);             // model_type
  append_number(trainer, 4, vocabulary.pieces.size());  // vocab_size
  const auto bytes =
      std::count_if(vocabulary.pieces.begin(), vocabulary.pieces.end(),
                    [](const SentencePiece& piece) { return piece.type == PieceType::kByte; });
  append_number(trainer, 35, bytes == 256 ? 1 : 0);  // byte_fallback
  for (size_t i = 0; i < vocabulary.pieces.size(); ++i) {
    if (vocabulary.pieces[i].type == PieceType::kUnknown) append_number(trainer, 40, i);  // unk_id
  }
  std::string normalizer;
  append_bytes(normalizer, 1, "identity");  // name
  append_number(normalizer, 4, 0);          // remove_extra_whitespaces
  append_number(normalizer, 5, 1);          // escape_whitespaces
  std::string specs;
  append_bytes(specs, kTrainerSpec, trainer);
  append_bytes(specs, kNormalizerSpec, normalizer);
  return specs;
}

std::string serialize_model(const SentencePieceVocabulary& vocabulary) {
  std::string model;
  for (const SentencePiece& piece : vocabulary.pieces) {
    std::string message;
    append_bytes(message, 1, piece.text);
    append_float(message, 2, piece.score);
    append_number(message, 3, static_cast<uint64_t>(piece.type));
    append_bytes(model, kPieces, message);
  }
  model += vocabulary.specs;
  // A message that comes again is merged into the one before.
  std::string normalizer;
  append_number(normalizer, kAddDummyPrefix, vocabulary.adds_dummy_prefix ? 1 : 0);
  append_bytes(model, kNormalizerSpec, normalizer);
  return model;
}

}  // namespace puna

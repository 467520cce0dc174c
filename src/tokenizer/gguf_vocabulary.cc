// Ids that a file names are checked against its vocabulary.

#include "tokenizer/gguf_vocabulary.h"

#include <algorithm>

#include "base/log.h"

namespace puna {
namespace {

// How files without such a token write its id.
constexpr int64_t kNoToken = 0xFFFFFFFF;
constexpr const char* kControlKeys[] = {
    "tokenizer.ggml.bos_token_id", "tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id",
    "tokenizer.ggml.eom_token_id", "tokenizer.ggml.padding_token_id"};

Result<std::optional<TokenId>> read_token_id(const GgufFile& gguf, std::string_view key,
                                             size_t vocabulary_size) {
  if (!gguf.has(key)) return std::optional<TokenId>();
  ASSIGN_OR_RETURN(const int64_t id, gguf.get_integer(key));
  if (id == kNoToken || id == -1) {
    log_warning("{}: {} is {}: no such token", gguf.origin(), key, id);
    return std::optional<TokenId>();
  }
  if (id < 0 || id >= static_cast<int64_t>(vocabulary_size)) {
    return invalid_argument("{}: {} is {}, outside the vocabulary of {} tokens", gguf.origin(), key,
                            id, vocabulary_size);
  }
  return std::optional<TokenId>(static_cast<TokenId>(id));
}

Result<std::optional<bool>> read_flag(const GgufFile& gguf, std::string_view key) {
  if (!gguf.has(key)) return std::optional<bool>();
  ASSIGN_OR_RETURN(const bool value, gguf.get_bool(key));
  return std::optional<bool>(value);
}

PieceType guess_type(std::string_view piece) {
  if (piece == "<unk>") return PieceType::kUnknown;
  if (piece == "<s>" || piece == "</s>") return PieceType::kControl;
  if (piece.size() > 4 && piece.starts_with("<|") && piece.ends_with("|>")) {
    return PieceType::kControl;
  }
  if (piece.size() == 6 && piece.starts_with("<0x") && piece.ends_with('>')) {
    return PieceType::kByte;
  }
  return PieceType::kNormal;
}

Status read_types(const GgufFile& gguf, GgufTokens& tokens) {
  if (!gguf.has("tokenizer.ggml.token_type")) {
    log_warning(
        "{}: tokenizer.ggml.token_type is missing; control tokens are told from their spellings",
        gguf.origin());
    for (const std::string& piece : tokens.pieces) tokens.types.push_back(guess_type(piece));
    return {};
  }
  ASSIGN_OR_RETURN(const auto types, gguf.get_integers("tokenizer.ggml.token_type"));
  if (types.size() != tokens.pieces.size()) {
    return invalid_argument("{}: {} token types for {} tokens", gguf.origin(), types.size(),
                            tokens.pieces.size());
  }
  for (size_t i = 0; i < types.size(); ++i) {
    if (types[i] < static_cast<int>(PieceType::kNormal) ||
        types[i] > static_cast<int>(PieceType::kByte)) {
      return invalid_argument("{}: token {} has the type {}; from 1 to 6", gguf.origin(), i,
                              types[i]);
    }
    tokens.types.push_back(static_cast<PieceType>(types[i]));
  }
  return {};
}

}  // namespace

Result<GgufTokens> read_gguf_tokens(const GgufFile& gguf) {
  GgufTokens tokens;
  ASSIGN_OR_RETURN(const auto pieces, gguf.get_strings("tokenizer.ggml.tokens"));
  if (pieces.empty() || pieces.size() > kVocabularySizeMax) {
    return invalid_argument("{}: {} tokens, from 1 to {}", gguf.origin(), pieces.size(),
                            kVocabularySizeMax);
  }
  tokens.pieces.assign(pieces.begin(), pieces.end());
  RETURN_IF_ERROR(read_types(gguf, tokens));
  for (const char* key : kControlKeys) {
    ASSIGN_OR_RETURN(const auto id, read_token_id(gguf, key, pieces.size()));
    if (key == kControlKeys[0]) tokens.bos = id;
    if (key == kControlKeys[1]) tokens.eos = id;
    if (!id) continue;
    PieceType& type = tokens.types[static_cast<size_t>(*id)];
    if (type == PieceType::kNormal || type == PieceType::kUserDefined) {
      log_warning("{}: {} names token {}, which its type does not call a control token; it is one",
                  gguf.origin(), key, *id);
      type = PieceType::kControl;
    }
  }
  ASSIGN_OR_RETURN(tokens.adds_bos, read_flag(gguf, "tokenizer.ggml.add_bos_token"));
  ASSIGN_OR_RETURN(tokens.adds_eos, read_flag(gguf, "tokenizer.ggml.add_eos_token"));
  return tokens;
}

}  // namespace puna

// From GGUF metadata, and from tokenizer.json files that came from a SentencePiece model.

#include "tokenizer/sentencepiece_vocabulary.h"

#include <algorithm>
#include <unordered_map>

namespace puna {
namespace {

Result<std::optional<TokenId>> read_token_id(const GgufFile& gguf, std::string_view key,
                                             size_t vocabulary_size) {
  if (!gguf.has(key)) return std::optional<TokenId>();
  ASSIGN_OR_RETURN(const int64_t id, gguf.get_integer(key));
  if (id < 0 || id >= static_cast<int64_t>(vocabulary_size)) {
    return invalid_argument("{}: {} is {}, outside the vocabulary of {} tokens", gguf.origin(), key,
                            id, vocabulary_size);
  }
  return std::optional<TokenId>(static_cast<TokenId>(id));
}

bool is_byte_piece(std::string_view text) {
  return text.size() == 6 && text.starts_with("<0x") && text.back() == '>';
}

const Json* member(const Json& object, const char* key) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

// The scores of merged pieces fall with the rank of their merge, so that libsentencepiece merges in
// the same order.
Status set_scores(const Json& merges, const std::unordered_map<std::string, size_t>& ids,
                  std::string_view origin, SentencePieceVocabulary& vocabulary) {
  float score = 0;
  for (const Json& merge : merges) {
    std::string merged;
    if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
      merged = merge[0].get<std::string>() + merge[1].get<std::string>();
    } else if (merge.is_string()) {
      merged = merge.get<std::string>();
      merged.erase(std::min(merged.find(' '), merged.size()), 1);
    }
    const auto found = ids.find(merged);
    if (found == ids.end()) return invalid_argument("{}: a merge gives no piece", origin);
    SentencePiece& piece = vocabulary.pieces[found->second];
    if (piece.score == 0) piece.score = score -= 1;
  }
  return {};
}

Status set_added_tokens(const Json& added, std::string_view origin,
                        SentencePieceVocabulary& vocabulary) {
  for (const Json& token : added) {
    const Json* id = member(token, "id");
    const Json* content = member(token, "content");
    if (id == nullptr || !id->is_number_integer() || content == nullptr || !content->is_string() ||
        id->get<int64_t>() < 0 || id->get<int64_t>() >= kVocabularySizeMax) {
      return invalid_argument("{}: an added token has no content or no valid id", origin);
    }
    const auto index = static_cast<size_t>(id->get<int64_t>());
    if (vocabulary.pieces.size() <= index) vocabulary.pieces.resize(index + 1);
    SentencePiece& piece = vocabulary.pieces[index];
    piece.text = content->get<std::string>();
    const Json* special = member(token, "special");
    const bool is_special = special != nullptr && *special == Json(true);
    piece.type = is_special ? PieceType::kControl : PieceType::kUserDefined;
    if (piece.text == "<unk>") piece.type = PieceType::kUnknown;
    if (piece.text == "<s>") vocabulary.bos = static_cast<TokenId>(index);
    if (piece.text == "</s>") vocabulary.eos = static_cast<TokenId>(index);
  }
  return {};
}

}  // namespace

Result<SentencePieceVocabulary> read_gguf_sentencepiece(const GgufFile& gguf) {
  SentencePieceVocabulary vocabulary;
  ASSIGN_OR_RETURN(const auto tokens, gguf.get_strings("tokenizer.ggml.tokens"));
  ASSIGN_OR_RETURN(const auto scores, gguf.get_floats("tokenizer.ggml.scores"));
  ASSIGN_OR_RETURN(const auto types, gguf.get_integers("tokenizer.ggml.token_type"));
  if (tokens.empty() || tokens.size() > kVocabularySizeMax || scores.size() != tokens.size() ||
      types.size() != tokens.size()) {
    return invalid_argument("{}: {} tokens, {} scores and {} types", gguf.origin(), tokens.size(),
                            scores.size(), types.size());
  }
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (types[i] < static_cast<int>(PieceType::kNormal) ||
        types[i] > static_cast<int>(PieceType::kByte)) {
      return invalid_argument("{}: token {} has the type {}", gguf.origin(), i, types[i]);
    }
    vocabulary.pieces.push_back(
        {std::string(tokens[i]), scores[i], static_cast<PieceType>(types[i])});
  }
  ASSIGN_OR_RETURN(vocabulary.bos,
                   read_token_id(gguf, "tokenizer.ggml.bos_token_id", tokens.size()));
  ASSIGN_OR_RETURN(vocabulary.eos,
                   read_token_id(gguf, "tokenizer.ggml.eos_token_id", tokens.size()));
  if (gguf.has("tokenizer.ggml.add_bos_token")) {
    ASSIGN_OR_RETURN(vocabulary.adds_bos, gguf.get_bool("tokenizer.ggml.add_bos_token"));
  }
  if (gguf.has("tokenizer.ggml.add_space_prefix")) {
    ASSIGN_OR_RETURN(vocabulary.adds_dummy_prefix,
                     gguf.get_bool("tokenizer.ggml.add_space_prefix"));
  }
  return vocabulary;
}

Result<SentencePieceVocabulary> read_json_sentencepiece(const Json& json, std::string_view origin) {
  const Json* model = member(json, "model");
  const Json* vocab = model == nullptr ? nullptr : member(*model, "vocab");
  const Json* merges = model == nullptr ? nullptr : member(*model, "merges");
  if (vocab == nullptr || !vocab->is_object() || merges == nullptr || !merges->is_array()) {
    return invalid_argument("{}: model.vocab or model.merges is missing", origin);
  }
  SentencePieceVocabulary vocabulary;
  std::unordered_map<std::string, size_t> ids;
  for (const auto& [text, id] : vocab->items()) {
    if (!id.is_number_integer() || id.get<int64_t>() < 0 ||
        id.get<int64_t>() >= kVocabularySizeMax) {
      return invalid_argument("{}: the id of {} is not a number from 0 to {}", origin, text,
                              kVocabularySizeMax - 1);
    }
    const auto index = static_cast<size_t>(id.get<int64_t>());
    if (vocabulary.pieces.size() <= index) vocabulary.pieces.resize(index + 1);
    vocabulary.pieces[index].text = text;
    if (is_byte_piece(text)) vocabulary.pieces[index].type = PieceType::kByte;
    ids[text] = index;
  }
  RETURN_IF_ERROR(set_scores(*merges, ids, origin, vocabulary));
  if (const Json* added = member(json, "added_tokens"); added != nullptr && added->is_array()) {
    RETURN_IF_ERROR(set_added_tokens(*added, origin, vocabulary));
  }
  // Single characters come last, as SentencePiece itself scores them.
  for (SentencePiece& piece : vocabulary.pieces) {
    if (piece.score == 0 && piece.type == PieceType::kNormal) {
      piece.score = -static_cast<float>(merges->size()) - 1;
    }
  }
  return vocabulary;
}

}  // namespace puna

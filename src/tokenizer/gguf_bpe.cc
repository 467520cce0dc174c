// tokenizer.ggml.tokens, .token_type, .merges, .pre and the ids of special tokens.

#include "tokenizer/bpe_vocabulary.h"

namespace puna {
namespace {

// llama.cpp's token types.
constexpr int32_t kControl = 3;
constexpr int32_t kUserDefined = 4;

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

Status read_types(const GgufFile& gguf, BpeVocabulary& vocabulary) {
  if (!gguf.has("tokenizer.ggml.token_type")) return {};
  ASSIGN_OR_RETURN(const auto types, gguf.get_integers("tokenizer.ggml.token_type"));
  if (types.size() != vocabulary.pieces.size()) {
    return invalid_argument("{}: {} token types for {} tokens", gguf.origin(), types.size(),
                            vocabulary.pieces.size());
  }
  for (size_t i = 0; i < types.size(); ++i) {
    if (types[i] == kControl) vocabulary.special.push_back(static_cast<TokenId>(i));
    if (types[i] == kUserDefined) vocabulary.added.push_back(static_cast<TokenId>(i));
  }
  return {};
}

}  // namespace

Result<BpeVocabulary> read_gguf_bpe(const GgufFile& gguf) {
  BpeVocabulary vocabulary;
  ASSIGN_OR_RETURN(const auto tokens, gguf.get_strings("tokenizer.ggml.tokens"));
  if (tokens.empty() || tokens.size() > kVocabularySizeMax) {
    return invalid_argument("{}: {} tokens, from 1 to {}", gguf.origin(), tokens.size(),
                            kVocabularySizeMax);
  }
  vocabulary.pieces.assign(tokens.begin(), tokens.end());
  RETURN_IF_ERROR(read_types(gguf, vocabulary));
  ASSIGN_OR_RETURN(const auto merges, gguf.get_strings("tokenizer.ggml.merges"));
  for (const std::string_view merge : merges) {
    const size_t space = merge.find(' ', 1);
    if (space == merge.npos) {
      return invalid_argument("{}: merge \"{}\" is not two pieces", gguf.origin(), merge);
    }
    vocabulary.merges.emplace_back(merge.substr(0, space), merge.substr(space + 1));
  }
  vocabulary.pre_tokenizer_name = "gpt-2";
  if (gguf.has("tokenizer.ggml.pre")) {
    ASSIGN_OR_RETURN(vocabulary.pre_tokenizer_name, gguf.get_string("tokenizer.ggml.pre"));
  }
  // Llama 3's tokenizer.json says so; GGUF files imply it by the name.
  vocabulary.ignore_merges = vocabulary.pre_tokenizer_name.starts_with("llama");
  const size_t size = vocabulary.pieces.size();
  ASSIGN_OR_RETURN(vocabulary.bos, read_token_id(gguf, "tokenizer.ggml.bos_token_id", size));
  ASSIGN_OR_RETURN(vocabulary.eos, read_token_id(gguf, "tokenizer.ggml.eos_token_id", size));
  vocabulary.adds_bos = vocabulary.ignore_merges;
  if (gguf.has("tokenizer.ggml.add_bos_token")) {
    ASSIGN_OR_RETURN(vocabulary.adds_bos, gguf.get_bool("tokenizer.ggml.add_bos_token"));
  }
  return vocabulary;
}

}  // namespace puna

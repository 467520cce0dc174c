// tokenizer.ggml.tokens, .token_type, .merges, .pre and the ids of special tokens.

#include "base/log.h"
#include "tokenizer/bpe_vocabulary.h"
#include "tokenizer/gguf_vocabulary.h"

namespace puna {
namespace {

Status read_merges(const GgufFile& gguf, BpeVocabulary& vocabulary) {
  ASSIGN_OR_RETURN(const auto merges, gguf.get_strings("tokenizer.ggml.merges"));
  for (const std::string_view merge : merges) {
    const size_t space = merge.find(' ', 1);
    if (space == merge.npos) {
      return invalid_argument("{}: merge \"{}\" is not two pieces", gguf.origin(), merge);
    }
    vocabulary.merges.push_back(
        {std::string(merge.substr(0, space)), std::string(merge.substr(space + 1))});
  }
  return {};
}

// "default" is what converters write for a tokenizer that they do not know.
Result<std::string> pre_tokenizer_name(const GgufFile& gguf, const BpeVocabulary& vocabulary) {
  std::string said = "missing";
  if (gguf.has("tokenizer.ggml.pre")) {
    ASSIGN_OR_RETURN(said, gguf.get_string("tokenizer.ggml.pre"));
    if (said != "default") return said;
  }
  const auto recognised = recognise_pre_tokenizer(vocabulary.pieces);
  if (!recognised) {
    return invalid_argument(
        "{}: tokenizer.ggml.pre is {}, and the vocabulary does not tell the pre-tokenizer; convert "
        "the model again",
        gguf.origin(), said);
  }
  log_warning(
      "{}: tokenizer.ggml.pre is {}; the vocabulary looks like that of pre-tokenizer {}, which is "
      "used",
      gguf.origin(), said, *recognised);
  return std::string(*recognised);
}

}  // namespace

Result<BpeVocabulary> read_gguf_bpe(const GgufFile& gguf) {
  BpeVocabulary vocabulary;
  ASSIGN_OR_RETURN(GgufTokens tokens, read_gguf_tokens(gguf));
  vocabulary.pieces = std::move(tokens.pieces);
  for (size_t i = 0; i < vocabulary.pieces.size(); ++i) {
    if (tokens.types[i] != PieceType::kControl && tokens.types[i] != PieceType::kUserDefined) {
      continue;
    }
    AddedToken token;
    token.content = vocabulary.pieces[i];
    token.id = static_cast<TokenId>(i);
    token.special = tokens.types[i] == PieceType::kControl;
    token.in_model = true;
    vocabulary.added.push_back(std::move(token));
  }
  RETURN_IF_ERROR(read_merges(gguf, vocabulary));
  ASSIGN_OR_RETURN(const std::string name, pre_tokenizer_name(gguf, vocabulary));
  auto words = named_pre_tokenizer(name);
  if (!words.ok()) return words.status().with_context(gguf.origin());
  vocabulary.pre_tokenizer = std::move(words->steps);
  vocabulary.ignore_merges = words->ignore_merges;
  vocabulary.spelling.byte_level = true;
  vocabulary.bos = tokens.bos;
  vocabulary.eos = tokens.eos;
  if (tokens.bos && tokens.adds_bos.value_or(words->adds_bos)) {
    vocabulary.ends.before = {*tokens.bos};
  }
  if (tokens.eos && tokens.adds_eos.value_or(false)) vocabulary.ends.after = {*tokens.eos};
  return vocabulary;
}

}  // namespace puna

// From GGUF metadata.

#include "tokenizer/sentencepiece_vocabulary.h"

#include <algorithm>
#include <cmath>

#include "tokenizer/gguf_vocabulary.h"

namespace puna {

Result<SentencePieceVocabulary> read_gguf_sentencepiece(const GgufFile& gguf) {
  ASSIGN_OR_RETURN(const GgufTokens tokens, read_gguf_tokens(gguf));
  if (!gguf.has("tokenizer.ggml.scores")) {
    return invalid_argument(
        "{}: tokenizer.ggml.scores is missing, and without it pieces have no order; convert the "
        "model again",
        gguf.origin());
  }
  ASSIGN_OR_RETURN(const auto scores, gguf.get_floats("tokenizer.ggml.scores"));
  if (scores.size() != tokens.pieces.size()) {
    return invalid_argument("{}: {} scores for {} tokens", gguf.origin(), scores.size(),
                            tokens.pieces.size());
  }
  if (std::any_of(scores.begin(), scores.end(), [](float score) { return std::isnan(score); })) {
    return invalid_argument("{}: a score of tokenizer.ggml.scores is not a number", gguf.origin());
  }
  SentencePieceVocabulary vocabulary;
  for (size_t i = 0; i < scores.size(); ++i) {
    vocabulary.pieces.push_back({tokens.pieces[i], scores[i], tokens.types[i]});
  }
  vocabulary.specs = make_sentencepiece_specs(vocabulary);
  vocabulary.bos = tokens.bos;
  vocabulary.eos = tokens.eos;
  vocabulary.adds_bos = tokens.adds_bos.value_or(true);
  vocabulary.adds_eos = tokens.adds_eos.value_or(false);
  if (gguf.has("tokenizer.ggml.add_space_prefix")) {
    ASSIGN_OR_RETURN(vocabulary.adds_dummy_prefix,
                     gguf.get_bool("tokenizer.ggml.add_space_prefix"));
  }
  return vocabulary;
}

}  // namespace puna

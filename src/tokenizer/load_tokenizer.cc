// Which kind of tokenizer a checkpoint has, and what its config files add to it.

#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "base/log.h"
#include "base/mapped_file.h"
#include "tokenizer/bpe_tokenizer.h"
#include "tokenizer/sentencepiece_tokenizer.h"
#include "tokenizer/tiktoken_vocabulary.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/tokenizer_config.h"

namespace puna {
namespace fs = std::filesystem;
namespace {

Result<std::unique_ptr<Tokenizer>> load_gguf(const GgufFile& gguf) {
  ASSIGN_OR_RETURN(const std::string model, gguf.get_string("tokenizer.ggml.model"));
  if (model == "gpt2") {
    ASSIGN_OR_RETURN(BpeVocabulary vocabulary, read_gguf_bpe(gguf));
    return make_bpe_tokenizer(std::move(vocabulary), gguf.origin());
  }
  if (model == "llama") {
    ASSIGN_OR_RETURN(SentencePieceVocabulary vocabulary, read_gguf_sentencepiece(gguf));
    SentencePieceOptions options;
    options.config.add_bos = vocabulary.adds_bos;
    options.config.add_eos = vocabulary.adds_eos;
    return make_sentencepiece_tokenizer(std::move(vocabulary), std::move(options), gguf.origin());
  }
  return error(
      StatusCode::kUnimplemented,
      "{}: tokenizer.ggml.model is {}; gpt2 (byte-level BPE) and llama (SentencePiece) are "
      "supported",
      gguf.origin(), model);
}

// transformers 5 lets tokenizer.json alone decide what is put around a text.
void leave_ends_to_json(const BpeVocabulary& vocabulary, TokenizerConfig& config,
                        const std::string& origin) {
  const auto differs = [&](std::optional<bool> said, const std::vector<TokenId>& ids) {
    return said.has_value() && *said == ids.empty();
  };
  if (differs(config.add_bos, vocabulary.ends.before) ||
      differs(config.add_eos, vocabulary.ends.after)) {
    log_info(
        "{}: its post_processor decides about BOS and EOS, as in transformers 5, and not "
        "add_bos_token and add_eos_token of tokenizer_config.json",
        origin);
  }
  config.add_bos.reset();
  config.add_eos.reset();
}

// The config's tokens and ends over those of the file.
Result<std::unique_ptr<Tokenizer>> make_configured_bpe(BpeVocabulary vocabulary,
                                                       const TokenizerConfig& config,
                                                       const std::string& origin) {
  AddedTokenList list(vocabulary.pieces, std::move(vocabulary.added));
  RETURN_IF_ERROR(add_tokens(config, origin, list));
  vocabulary.added = list.take();
  apply_ends(config, vocabulary.pieces, vocabulary.bos, vocabulary.eos, vocabulary.ends);
  return make_bpe_tokenizer(std::move(vocabulary), origin);
}

// A prefix of its own for each stretch is what files without "legacy" had; LlamaTokenizer's default
// is another. `add_prefix_space` decides before both.
PrependScheme prepend_scheme(const TokenizerConfig& config) {
  if (!config.add_prefix_space.value_or(true)) return PrependScheme::kNever;
  const bool is_llama = config.tokenizer_class.find("Llama") != std::string::npos;
  return config.legacy.value_or(!is_llama) ? PrependScheme::kAlways : PrependScheme::kFirst;
}

// Llama 3's special tokens are not in its list: the config has them, with ids that leave no holes.
Result<std::unique_ptr<Tokenizer>> load_tiktoken(std::string_view bytes, TokenizerConfig config,
                                                 const std::string& origin) {
  ASSIGN_OR_RETURN(BpeVocabulary vocabulary, read_tiktoken(bytes, origin));
  std::vector<AddedToken> filled;
  auto next = static_cast<TokenId>(vocabulary.pieces.size());
  for (AddedToken& token : config.added_tokens_decoder.value_or(std::vector<AddedToken>())) {
    for (; next < token.id; ++next) {
      AddedToken reserved;
      reserved.content = fmt::format("<|reserved_token_{}|>", next);
      reserved.id = next;
      reserved.special = true;
      filled.push_back(std::move(reserved));
    }
    next = std::max(next, token.id + 1);
    filled.push_back(std::move(token));
  }
  if (filled.empty()) {
    log_warning(
        "{}: no special tokens, for they are not in this file; copy tokenizer.json or "
        "tokenizer_config.json from the repository that the weights came from",
        origin);
  }
  config.added_tokens_decoder = std::move(filled);
  config.add_bos = config.add_bos.value_or(true);
  return make_configured_bpe(std::move(vocabulary), config, origin);
}

Result<std::unique_ptr<Tokenizer>> load_model(const fs::path& path, TokenizerConfig config) {
  ASSIGN_OR_RETURN(const std::string bytes, read_file(path, kTokenizerBytesMax));
  if (is_tiktoken_list(bytes)) return load_tiktoken(bytes, std::move(config), path.string());
  ASSIGN_OR_RETURN(SentencePieceVocabulary vocabulary,
                   parse_sentencepiece_model(bytes, path.string()));
  SentencePieceOptions options;
  options.prepend = prepend_scheme(config);
  config.add_bos = config.add_bos.value_or(true);
  options.config = std::move(config);
  return make_sentencepiece_tokenizer(std::move(vocabulary), std::move(options), path.string());
}

bool is_unigram(const Json& json) {
  const auto model = json.find("model");
  return model != json.end() && model->is_object() && model->value("type", Json()) == "Unigram";
}

}  // namespace

Result<std::unique_ptr<Tokenizer>> load_tokenizer(const TokenizerSource& source) {
  if (source.gguf != nullptr) return load_gguf(*source.gguf);
  ASSIGN_OR_RETURN(TokenizerConfig config, read_tokenizer_config(source.folder));
  std::error_code ignored;
  const fs::path model = source.folder / "tokenizer.model";
  const fs::path path = source.folder / "tokenizer.json";
  const bool has_model = fs::exists(model, ignored);
  if (!fs::exists(path, ignored)) {
    if (has_model) return load_model(model, std::move(config));
    return error(
        StatusCode::kNotFound,
        "{}: neither tokenizer.model nor tokenizer.json; copy it from the repository that the "
        "weights came from",
        source.folder.string());
  }
  ASSIGN_OR_RETURN(const Json json, read_json_file(path));
  if (has_model && is_unigram(json)) {
    log_info("{}: of type Unigram; {} is used", path.string(), model.string());
    return load_model(model, std::move(config));
  }
  ASSIGN_OR_RETURN(BpeVocabulary vocabulary, read_json_bpe(json, path.string()));
  leave_ends_to_json(vocabulary, config, path.string());
  return make_configured_bpe(std::move(vocabulary), config, path.string());
}

}  // namespace puna

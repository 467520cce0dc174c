// Which kind of tokenizer a checkpoint has, and what its config files add to it.

#include <fmt/format.h>

#include "base/json.h"
#include "base/mapped_file.h"
#include "tokenizer/bpe_tokenizer.h"
#include "tokenizer/sentencepiece_tokenizer.h"
#include "tokenizer/sentencepiece_vocabulary.h"
#include "tokenizer/tokenizer.h"

namespace puna {
namespace fs = std::filesystem;
namespace {

constexpr size_t kTokenizerBytesMax = 256 << 20;

// What tokenizer_config.json says; absent fields stay empty.
struct TokenizerConfig {
  std::optional<std::string> bos, eos;
  std::optional<bool> add_bos;
};

// "bos_token" is a text, or an object with the text in "content".
std::optional<std::string> token_text(const Json& config, const char* key) {
  const auto found = config.find(key);
  if (found == config.end()) return std::nullopt;
  if (found->is_string()) return found->get<std::string>();
  if (found->is_object() && found->contains("content") && (*found)["content"].is_string()) {
    return (*found)["content"].get<std::string>();
  }
  return std::nullopt;
}

Result<Json> read_json(const fs::path& path) {
  ASSIGN_OR_RETURN(const std::string text, read_file(path, kTokenizerBytesMax));
  auto json = parse_json(text);
  if (!json.ok()) return json.status().with_context(path.string());
  if (!json->is_object()) return invalid_argument("{}: not a JSON object", path.string());
  return json;
}

Result<TokenizerConfig> read_config(const fs::path& folder) {
  TokenizerConfig config;
  std::error_code ignored;
  for (const char* name : {"special_tokens_map.json", "tokenizer_config.json"}) {
    if (!fs::exists(folder / name, ignored)) continue;
    ASSIGN_OR_RETURN(const Json json, read_json(folder / name));
    if (auto bos = token_text(json, "bos_token")) config.bos = std::move(bos);
    if (auto eos = token_text(json, "eos_token")) config.eos = std::move(eos);
    const auto add_bos = json.find("add_bos_token");
    if (add_bos != json.end() && add_bos->is_boolean()) config.add_bos = add_bos->get<bool>();
  }
  return config;
}

std::optional<TokenId> find(const std::vector<std::string>& pieces,
                            const std::optional<std::string>& text) {
  if (!text) return std::nullopt;
  for (size_t i = 0; i < pieces.size(); ++i) {
    if (pieces[i] == *text) return static_cast<TokenId>(i);
  }
  return std::nullopt;
}

Result<std::unique_ptr<Tokenizer>> load_gguf(const GgufFile& gguf) {
  ASSIGN_OR_RETURN(const std::string model, gguf.get_string("tokenizer.ggml.model"));
  if (model == "gpt2") {
    ASSIGN_OR_RETURN(BpeVocabulary vocabulary, read_gguf_bpe(gguf));
    return make_bpe_tokenizer(std::move(vocabulary), gguf.origin());
  }
  if (model == "llama") {
    ASSIGN_OR_RETURN(const SentencePieceVocabulary vocabulary, read_gguf_sentencepiece(gguf));
    return make_sentencepiece_tokenizer(serialize_model(vocabulary),
                                        {.bos = vocabulary.bos,
                                         .eos = vocabulary.eos,
                                         .adds_bos = vocabulary.adds_bos,
                                         .adds_dummy_prefix = vocabulary.adds_dummy_prefix},
                                        gguf.origin());
  }
  return error(
      StatusCode::kUnimplemented,
      "{}: tokenizer.ggml.model is {}; gpt2 (byte-level BPE) and llama (SentencePiece) are "
      "supported",
      gguf.origin(), model);
}

bool is_sentencepiece_json(const Json& json) {
  const auto model = json.find("model");
  return model != json.end() && model->is_object() && model->value("byte_fallback", Json()) == true;
}

Result<std::unique_ptr<Tokenizer>> load_json(const fs::path& path, const TokenizerConfig& config) {
  ASSIGN_OR_RETURN(const Json json, read_json(path));
  if (is_sentencepiece_json(json)) {
    ASSIGN_OR_RETURN(const SentencePieceVocabulary vocabulary,
                     read_json_sentencepiece(json, path.string()));
    return make_sentencepiece_tokenizer(serialize_model(vocabulary),
                                        {.bos = vocabulary.bos,
                                         .eos = vocabulary.eos,
                                         .adds_bos = config.add_bos.value_or(true),
                                         .adds_dummy_prefix = true},
                                        path.string());
  }
  ASSIGN_OR_RETURN(BpeVocabulary vocabulary, read_json_bpe(json, path.string()));
  if (const auto bos = find(vocabulary.pieces, config.bos)) vocabulary.bos = bos;
  if (const auto eos = find(vocabulary.pieces, config.eos)) vocabulary.eos = eos;
  vocabulary.adds_bos = config.add_bos.value_or(vocabulary.adds_bos);
  return make_bpe_tokenizer(std::move(vocabulary), path.string());
}

}  // namespace

Result<std::unique_ptr<Tokenizer>> load_tokenizer(const TokenizerSource& source) {
  if (source.gguf != nullptr) return load_gguf(*source.gguf);
  ASSIGN_OR_RETURN(const TokenizerConfig config, read_config(source.folder));
  std::error_code ignored;
  const fs::path model = source.folder / "tokenizer.model";
  if (fs::exists(model, ignored)) {
    ASSIGN_OR_RETURN(const std::string bytes, read_file(model, kTokenizerBytesMax));
    return make_sentencepiece_tokenizer(bytes,
                                        {.bos = std::nullopt,
                                         .eos = std::nullopt,
                                         .adds_bos = config.add_bos.value_or(true),
                                         .adds_dummy_prefix = true},
                                        model.string());
  }
  const fs::path json = source.folder / "tokenizer.json";
  if (fs::exists(json, ignored)) return load_json(json, config);
  return error(
      StatusCode::kNotFound,
      "{}: neither tokenizer.model nor tokenizer.json; copy it from the repository that the "
      "weights came from",
      source.folder.string());
}

}  // namespace puna

// tokenizer.json as Hugging Face's tokenizers library writes it.

#include "tokenizer/added_token_list.h"
#include "tokenizer/bpe_vocabulary.h"
#include "tokenizer/json_fields.h"
#include "tokenizer/json_steps.h"

namespace puna {
namespace {

class Reader {
 public:
  Reader(const Json& json, std::string_view origin) : json_(json), origin_(origin) {}

  Result<BpeVocabulary> read() {
    ASSIGN_OR_RETURN(const JsonFields file, JsonFields::of(json_, ""));
    // transformers and vLLM switch truncation and padding off for every text.
    RETURN_IF_ERROR(file.allow({"version", "truncation", "padding", "added_tokens", "normalizer",
                                "pre_tokenizer", "post_processor", "decoder", "model"}));
    ASSIGN_OR_RETURN(const auto version, file.text("version"));
    if (version.value_or("1.0") != "1.0") {
      return file.refuse(fmt::format("has the version {}; 1.0 is read", *version));
    }
    const Json* model = file.find("model");
    if (model == nullptr) return file.refuse("has no model");
    RETURN_IF_ERROR(read_model(*model));
    ASSIGN_OR_RETURN(vocabulary_.normalizer, read_json_normalizer(file.find("normalizer")));
    ASSIGN_OR_RETURN(vocabulary_.pre_tokenizer,
                     read_json_pre_tokenizer(file.find("pre_tokenizer")));
    RETURN_IF_ERROR(read_added_tokens(file));
    RETURN_IF_ERROR(read_decoder(file));
    ASSIGN_OR_RETURN(vocabulary_.ends,
                     read_json_post_processor(file.find("post_processor"), vocabulary_.pieces));
    name_ends();
    return std::move(vocabulary_);
  }

 private:
  Status read_model(const Json& json) {
    ASSIGN_OR_RETURN(const JsonFields model, JsonFields::of(json, "model"));
    ASSIGN_OR_RETURN(const auto type, model.text("type"));
    if (type.value_or("BPE") != "BPE") {
      return model.refuse(fmt::format("has the type {}; only BPE is supported", *type));
    }
    RETURN_IF_ERROR(model.allow({"type", "dropout", "unk_token", "continuing_subword_prefix",
                                 "end_of_word_suffix", "fuse_unk", "byte_fallback", "ignore_merges",
                                 "vocab", "merges"}));
    const Json* dropout = model.find("dropout");
    if (dropout != nullptr && *dropout != 0) {
      return model.refuse("has a dropout, which makes ids random; set it to null");
    }
    ASSIGN_OR_RETURN(vocabulary_.unk_token, model.text("unk_token"));
    ASSIGN_OR_RETURN(const auto prefix, model.text("continuing_subword_prefix"));
    ASSIGN_OR_RETURN(const auto suffix, model.text("end_of_word_suffix"));
    vocabulary_.continuing_subword_prefix = prefix.value_or("");
    vocabulary_.end_of_word_suffix = suffix.value_or("");
    ASSIGN_OR_RETURN(vocabulary_.fuse_unk, model.flag("fuse_unk", false));
    ASSIGN_OR_RETURN(vocabulary_.byte_fallback, model.flag("byte_fallback", false));
    ASSIGN_OR_RETURN(vocabulary_.ignore_merges, model.flag("ignore_merges", false));
    RETURN_IF_ERROR(read_vocabulary(model));
    return read_merges(model);
  }

  Status read_vocabulary(const JsonFields& model) {
    const Json* vocab = model.find("vocab");
    if (vocab == nullptr || !vocab->is_object()) return model.refuse("has no vocab");
    for (const auto& [piece, id] : vocab->items()) {
      if (!id.is_number_integer() || id.get<int64_t>() < 0 ||
          id.get<int64_t>() >= kVocabularySizeMax) {
        return invalid_argument("model.vocab: the id of {} is not a number from 0 to {}", piece,
                                kVocabularySizeMax - 1);
      }
      const auto index = static_cast<size_t>(id.get<int64_t>());
      if (vocabulary_.pieces.size() <= index) vocabulary_.pieces.resize(index + 1);
      vocabulary_.pieces[index] = piece;
    }
    return {};
  }

  // "a b" in old files, ["a", "b"] in new ones.
  Status read_merges(const JsonFields& model) {
    const Json* merges = model.find("merges");
    if (merges == nullptr || !merges->is_array()) return model.refuse("has no list of merges");
    for (const Json& merge : *merges) {
      if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
        vocabulary_.merges.push_back({merge[0].get<std::string>(), merge[1].get<std::string>()});
        continue;
      }
      const std::string pair = merge.is_string() ? merge.get<std::string>() : "";
      const size_t space = pair.find(' ', 1);
      if (pair.empty() || space == pair.npos)
        return model.refuse("has a merge that is not two pieces");
      vocabulary_.merges.push_back({pair.substr(0, space), pair.substr(space + 1)});
    }
    return {};
  }

  Status read_added_tokens(const JsonFields& file) {
    AddedTokenList list(vocabulary_.pieces);
    const Json* added = file.find("added_tokens");
    if (added != nullptr && !added->is_array()) return file.refuse("has no list of added_tokens");
    for (size_t i = 0; added != nullptr && i < added->size(); ++i) {
      const std::string where = fmt::format("added_tokens[{}]", i);
      ASSIGN_OR_RETURN(AddedToken token, read_added_token((*added)[i], where));
      RETURN_IF_ERROR(list.add(std::move(token), origin_));
    }
    vocabulary_.added = list.take();
    return {};
  }

  // tokenizer_config.json says it better; without it, what is put around a text, or Llama 2's
  // names.
  void name_ends() {
    for (const AddedToken& token : vocabulary_.added) {
      if (token.special && token.content == "<s>") vocabulary_.bos = token.id;
      if (token.special && token.content == "</s>") vocabulary_.eos = token.id;
    }
    if (!vocabulary_.ends.before.empty()) vocabulary_.bos = vocabulary_.ends.before.front();
    if (!vocabulary_.ends.after.empty()) vocabulary_.eos = vocabulary_.ends.after.back();
  }

  // Without one, pieces stand for what the steps before the model made of text.
  Status read_decoder(const JsonFields& file) {
    if (const Json* decoder = file.find("decoder")) {
      ASSIGN_OR_RETURN(vocabulary_.spelling, read_json_decoder(*decoder));
      return {};
    }
    for (const PreTokenizerStep& step : vocabulary_.pre_tokenizer) {
      if (step.kind == PreTokenizerStep::Kind::kByteLevel) vocabulary_.spelling.byte_level = true;
    }
    if (!vocabulary_.byte_fallback) return {};
    vocabulary_.spelling.byte_fallback = true;
    vocabulary_.spelling.replaced.emplace_back("\xE2\x96\x81", " ");
    vocabulary_.spelling.drops_first_space = true;
    return {};
  }

  const Json& json_;
  std::string_view origin_;
  BpeVocabulary vocabulary_;
};

}  // namespace

Result<BpeVocabulary> read_json_bpe(const Json& json, std::string_view origin) {
  auto vocabulary = Reader(json, origin).read();
  if (!vocabulary.ok()) return vocabulary.status().with_context(origin);
  return vocabulary;
}

}  // namespace puna

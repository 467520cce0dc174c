// tokenizer.json as Hugging Face's tokenizers library writes it.

#include <algorithm>

#include "tokenizer/bpe_vocabulary.h"

namespace puna {
namespace {

class Reader {
 public:
  Reader(const Json& json, std::string_view origin) : json_(json), origin_(origin) {}

  Result<BpeVocabulary> read() {
    const Json* model = member(json_, "model");
    if (model == nullptr || text(*model, "type", "BPE") != "BPE") {
      return refuse("model.type is not BPE; only BPE tokenizers are supported");
    }
    RETURN_IF_ERROR(read_vocabulary(*model));
    RETURN_IF_ERROR(read_merges(*model));
    RETURN_IF_ERROR(read_added_tokens());
    vocabulary_.ignore_merges = flag(*model, "ignore_merges");
    const Json* pre_tokenizer = member(json_, "pre_tokenizer");
    if (pre_tokenizer == nullptr) return refuse("it has no pre_tokenizer");
    RETURN_IF_ERROR(read_pre_tokenizer(*pre_tokenizer));
    if (!byte_level_) return refuse("its pre_tokenizer is not byte-level");
    read_post_processor();
    return std::move(vocabulary_);
  }

 private:
  static const Json* member(const Json& object, const char* key) {
    if (!object.is_object()) return nullptr;
    const auto found = object.find(key);
    return found == object.end() || found->is_null() ? nullptr : &*found;
  }
  static std::string text(const Json& object, const char* key, const char* otherwise) {
    const Json* found = member(object, key);
    return found != nullptr && found->is_string() ? found->get<std::string>() : otherwise;
  }
  static bool flag(const Json& object, const char* key) {
    const Json* found = member(object, key);
    return found != nullptr && found->is_boolean() && found->get<bool>();
  }
  Status refuse(std::string_view why) const { return invalid_argument("{}: {}", origin_, why); }

  // Grows the vocabulary to hold `id`; false when it is out of range.
  bool set_piece(const Json& id, const std::string& piece) {
    if (!id.is_number_integer() || id.get<int64_t>() < 0 ||
        id.get<int64_t>() >= kVocabularySizeMax) {
      return false;
    }
    const auto index = static_cast<size_t>(id.get<int64_t>());
    if (vocabulary_.pieces.size() <= index) vocabulary_.pieces.resize(index + 1);
    vocabulary_.pieces[index] = piece;
    return true;
  }

  Status read_vocabulary(const Json& model) {
    const Json* vocab = member(model, "vocab");
    if (vocab == nullptr || !vocab->is_object()) return refuse("model.vocab is not an object");
    for (const auto& [piece, id] : vocab->items()) {
      if (!set_piece(id, piece)) {
        return invalid_argument("{}: the id of {} is not a number from 0 to {}", origin_, piece,
                                kVocabularySizeMax - 1);
      }
    }
    return {};
  }

  // "a b" in old files, ["a", "b"] in new ones.
  Status read_merges(const Json& model) {
    const Json* merges = member(model, "merges");
    if (merges == nullptr || !merges->is_array()) return refuse("model.merges is not a list");
    for (const Json& merge : *merges) {
      if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
        vocabulary_.merges.emplace_back(merge[0].get<std::string>(), merge[1].get<std::string>());
        continue;
      }
      const std::string pair = merge.is_string() ? merge.get<std::string>() : "";
      const size_t space = pair.find(' ', 1);
      if (pair.empty() || space == pair.npos) return refuse("a merge is not two pieces");
      vocabulary_.merges.emplace_back(pair.substr(0, space), pair.substr(space + 1));
    }
    return {};
  }

  Status read_added_tokens() {
    const Json* added = member(json_, "added_tokens");
    if (added == nullptr) return {};
    if (!added->is_array()) return refuse("added_tokens is not a list");
    for (const Json& token : *added) {
      const std::string content = text(token, "content", "");
      const Json* id = member(token, "id");
      if (content.empty() || id == nullptr || !set_piece(*id, content)) {
        return refuse("an added token has no content or no valid id");
      }
      auto& list = flag(token, "special") ? vocabulary_.special : vocabulary_.added;
      list.push_back(id->get<TokenId>());
    }
    return {};
  }

  Status read_pre_tokenizer(const Json& step) {
    const std::string type = text(step, "type", "");
    if (type == "Sequence") {
      const Json* steps = member(step, "pretokenizers");
      if (steps == nullptr || !steps->is_array()) return refuse("pre_tokenizer has no steps");
      for (const Json& one : *steps) {
        if (text(one, "type", "") == "Sequence") return refuse("pre_tokenizer is nested");
        RETURN_IF_ERROR(read_pre_tokenizer(one));
      }
      return {};
    }
    if (type == "Digits" && flag(step, "individual_digits")) {
      vocabulary_.pre_tokenizer_steps.push_back({.each_digit = true, .pattern = ""});
      return {};
    }
    if (type == "Split") return read_split(step);
    if (type == "ByteLevel") return read_byte_level(step);
    return invalid_argument(
        "{}: pre_tokenizer step {} is not supported; Sequence, Digits (individual), Split (a "
        "Regex, Isolated) and ByteLevel are",
        origin_, type);
  }

  Status read_split(const Json& step) {
    const Json* pattern = member(step, "pattern");
    const Json* regex = pattern == nullptr ? nullptr : member(*pattern, "Regex");
    if (regex == nullptr || !regex->is_string() || text(step, "behavior", "") != "Isolated" ||
        flag(step, "invert")) {
      return refuse("a Split of the pre_tokenizer is not an Isolated Regex");
    }
    vocabulary_.pre_tokenizer_steps.push_back(
        {.each_digit = false, .pattern = regex->get<std::string>()});
    return {};
  }

  Status read_byte_level(const Json& step) {
    byte_level_ = true;
    if (flag(step, "add_prefix_space")) return refuse("add_prefix_space is not supported");
    const Json* use_regex = member(step, "use_regex");
    const bool uses_regex = use_regex == nullptr || *use_regex == Json(true);
    if (!uses_regex) return {};
    vocabulary_.pre_tokenizer_steps.push_back({.each_digit = false, .pattern = kGpt2Pattern});
    return {};
  }

  // A template that begins with a special token is how a fast tokenizer adds BOS.
  void read_post_processor() {
    const Json* processor = member(json_, "post_processor");
    if (processor == nullptr) return;
    const Json* list = member(*processor, "processors");
    const Json one = Json::array({*processor});
    for (const Json& step : list != nullptr && list->is_array() ? *list : one) {
      const Json* single = member(step, "single");
      if (single == nullptr || !single->is_array() || single->empty()) continue;
      const Json* special = member((*single)[0], "SpecialToken");
      if (special == nullptr) continue;
      const std::string name = text(*special, "id", "");
      const auto found = std::find(vocabulary_.pieces.begin(), vocabulary_.pieces.end(), name);
      if (found == vocabulary_.pieces.end()) continue;
      vocabulary_.bos = static_cast<TokenId>(found - vocabulary_.pieces.begin());
      vocabulary_.adds_bos = true;
    }
  }

  const Json& json_;
  std::string_view origin_;
  BpeVocabulary vocabulary_;
  bool byte_level_ = false;
};

}  // namespace

Result<BpeVocabulary> read_json_bpe(const Json& json, std::string_view origin) {
  return Reader(json, origin).read();
}

}  // namespace puna

// Where two files speak about the same token, the newer kind of file wins: added_tokens_decoder
// before special_tokens_map.json and added_tokens.json.

#include "tokenizer/tokenizer_config.h"

#include <algorithm>
#include <iterator>
#include <map>

#include "base/mapped_file.h"
#include "tokenizer/bpe_vocabulary.h"
#include "tokenizer/json_fields.h"

namespace puna {
namespace fs = std::filesystem;
namespace {

constexpr const char* kNamedTokens[] = {"bos_token", "eos_token", "unk_token", "sep_token",
                                        "pad_token", "cls_token", "mask_token"};
constexpr const char* kTokenLists[] = {"additional_special_tokens", "extra_special_tokens"};

// A text, or an object with the text in "content".
Result<AddedToken> read_special_token(const Json& json, const std::string& where) {
  if (!json.is_string()) {
    ASSIGN_OR_RETURN(AddedToken token, read_added_token(json, where));
    token.special = true;
    return token;
  }
  AddedToken token;
  token.content = json.get<std::string>();
  token.id = -1;
  token.special = true;
  if (token.content.size() > kAddedTokenBytesMax) {
    return invalid_argument("{} is longer than {} bytes", where, kAddedTokenBytesMax);
  }
  return token;
}

Result<TokenId> read_id(const std::string& text, const std::string& where) {
  if (text.empty() || text.size() > 7 || text.find_first_not_of("0123456789") != text.npos ||
      std::stoi(text) >= kVocabularySizeMax) {
    return invalid_argument("{}: \"{}\" is no token id; from 0 to {}", where, text,
                            kVocabularySizeMax - 1);
  }
  return static_cast<TokenId>(std::stoi(text));
}

void sort_by_id(std::vector<AddedToken>& tokens) {
  std::sort(tokens.begin(), tokens.end(), [](const AddedToken& a, const AddedToken& b) {
    return a.id != b.id ? a.id < b.id : a.content < b.content;
  });
}

class ConfigReader {
 public:
  Status read_flags(const Json& json) {
    ASSIGN_OR_RETURN(const JsonFields fields, JsonFields::of(json, "tokenizer_config.json"));
    RETURN_IF_ERROR(flag(fields, "add_bos_token", config_.add_bos));
    RETURN_IF_ERROR(flag(fields, "add_eos_token", config_.add_eos));
    RETURN_IF_ERROR(flag(fields, "add_prefix_space", config_.add_prefix_space));
    RETURN_IF_ERROR(flag(fields, "legacy", config_.legacy));
    ASSIGN_OR_RETURN(const auto name, fields.text("tokenizer_class"));
    config_.tokenizer_class = name.value_or("");
    ASSIGN_OR_RETURN(const bool splits, fields.flag("split_special_tokens", false));
    if (splits) return fields.refuse("says split_special_tokens, which is not supported");
    const Json* sampling = fields.find("sp_model_kwargs");
    if (sampling != nullptr && sampling->is_object() &&
        sampling->value("enable_sampling", Json()) == true) {
      return fields.refuse("says sp_model_kwargs.enable_sampling, which makes ids random");
    }
    return read_decoder(fields);
  }

  Status read_specials(const Json& json, const std::string& where) {
    ASSIGN_OR_RETURN(const JsonFields fields, JsonFields::of(json, where));
    for (const char* name : kNamedTokens) {
      const Json* found = fields.find(name);
      if (found == nullptr) continue;
      ASSIGN_OR_RETURN(AddedToken token, read_special_token(*found, fields.below(name)));
      if (std::string_view(name) == "bos_token") config_.bos = token.content;
      if (std::string_view(name) == "eos_token") config_.eos = token.content;
      named_.insert_or_assign(name, std::move(token));
    }
    for (const char* name : kTokenLists) {
      const Json* list = fields.find(name);
      if (list == nullptr) continue;
      // Newer files may give names to the extra tokens.
      for (const Json& one : *list) {
        ASSIGN_OR_RETURN(AddedToken token, read_special_token(one, fields.below(name)));
        extra_.push_back(std::move(token));
      }
    }
    return {};
  }

  // Contents with their ids; special where another file says so.
  Status read_added(const Json& json) {
    for (const auto& [content, id] : json.items()) {
      const std::string where = "added_tokens.json";
      if (content.empty() || content.size() > kAddedTokenBytesMax || !id.is_number_integer() ||
          id.get<int64_t>() < 0 || id.get<int64_t>() >= kVocabularySizeMax) {
        return invalid_argument(
            "{}: a content is empty or longer than {} bytes, or an id is not a "
            "number from 0 to {}",
            where, kAddedTokenBytesMax, kVocabularySizeMax - 1);
      }
      AddedToken token;
      token.content = content;
      token.id = static_cast<TokenId>(id.get<int64_t>());
      token.special = is_named(content);
      token.normalized = !token.special;
      config_.added_tokens.push_back(std::move(token));
    }
    sort_by_id(config_.added_tokens);
    return {};
  }

  TokenizerConfig take() {
    for (auto& [name, token] : named_) {
      if (!token.content.empty()) config_.special_tokens.push_back(token);
    }
    for (AddedToken& token : extra_) {
      if (!token.content.empty()) config_.special_tokens.push_back(std::move(token));
    }
    return std::move(config_);
  }

 private:
  static Status flag(const JsonFields& fields, const char* name, std::optional<bool>& value) {
    if (fields.find(name) == nullptr) return {};
    ASSIGN_OR_RETURN(value, fields.flag(name, false));
    return {};
  }

  Status read_decoder(const JsonFields& fields) {
    const Json* decoder = fields.find("added_tokens_decoder");
    if (decoder == nullptr) return {};
    if (!decoder->is_object())
      return fields.refuse("has an added_tokens_decoder that is no object");
    auto& tokens = config_.added_tokens_decoder.emplace();
    for (const auto& [id, json] : decoder->items()) {
      const std::string where = fields.below("added_tokens_decoder");
      ASSIGN_OR_RETURN(AddedToken token, read_added_token(json, fmt::format("{}.{}", where, id)));
      ASSIGN_OR_RETURN(token.id, read_id(id, where));
      tokens.push_back(std::move(token));
    }
    sort_by_id(tokens);
    return {};
  }

  bool is_named(const std::string& content) const {
    const auto is_it = [&](const AddedToken& token) { return token.content == content; };
    return std::any_of(extra_.begin(), extra_.end(), is_it) ||
           std::any_of(named_.begin(), named_.end(),
                       [&](const auto& entry) { return is_it(entry.second); });
  }

  TokenizerConfig config_;
  std::map<std::string, AddedToken> named_;
  std::vector<AddedToken> extra_;
};

}  // namespace

Result<Json> read_json_file(const fs::path& path) {
  ASSIGN_OR_RETURN(const std::string text, read_file(path, kTokenizerBytesMax));
  auto json = parse_json(text);
  if (!json.ok()) return json.status().with_context(path.string());
  if (!json->is_object()) return invalid_argument("{}: not a JSON object", path.string());
  return json;
}

Result<TokenizerConfig> parse_tokenizer_config(const Json& tokenizer_config,
                                               const Json& special_tokens_map,
                                               const Json& added_tokens, std::string_view origin) {
  ConfigReader reader;
  const auto read = [&]() -> Status {
    const bool has_config = tokenizer_config.is_object();
    if (has_config) RETURN_IF_ERROR(reader.read_flags(tokenizer_config));
    if (has_config) {
      RETURN_IF_ERROR(reader.read_specials(tokenizer_config, "tokenizer_config.json"));
    }
    const bool is_new = has_config && tokenizer_config.contains("added_tokens_decoder");
    // The old files speak only where the new one has no table of tokens.
    if (special_tokens_map.is_object() && !is_new) {
      RETURN_IF_ERROR(reader.read_specials(special_tokens_map, "special_tokens_map.json"));
    }
    if (added_tokens.is_object() && !is_new) RETURN_IF_ERROR(reader.read_added(added_tokens));
    return {};
  };
  const Status status = read();
  if (!status.ok()) return status.with_context(origin);
  return reader.take();
}

Result<TokenizerConfig> read_tokenizer_config(const fs::path& folder) {
  Json files[3];
  const char* names[] = {"tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"};
  for (size_t i = 0; i < std::size(names); ++i) {
    std::error_code ignored;
    if (!fs::exists(folder / names[i], ignored)) continue;
    ASSIGN_OR_RETURN(files[i], read_json_file(folder / names[i]));
  }
  return parse_tokenizer_config(files[0], files[1], files[2], folder.string());
}

Status add_tokens(const TokenizerConfig& config, std::string_view origin, AddedTokenList& list) {
  for (const AddedToken& token : config.added_tokens_decoder.value_or(std::vector<AddedToken>())) {
    RETURN_IF_ERROR(list.add(token, origin));
  }
  for (const AddedToken& token : config.added_tokens) {
    if (!list.has(token.content)) RETURN_IF_ERROR(list.add(token, origin));
  }
  for (const AddedToken& token : config.special_tokens) {
    RETURN_IF_ERROR(list.add_special(token, origin));
  }
  return {};
}

void apply_ends(const TokenizerConfig& config, const std::vector<std::string>& pieces,
                std::optional<TokenId>& bos, std::optional<TokenId>& eos, PromptEnds& ends) {
  const bool had_bos = bos && !ends.before.empty() && ends.before.front() == *bos;
  const bool had_eos = eos && !ends.after.empty() && ends.after.back() == *eos;
  if (config.bos) bos = find_piece(pieces, *config.bos);
  if (config.eos) eos = find_piece(pieces, *config.eos);
  if (!config.add_bos && !config.add_eos) return;
  ends = {};
  if (bos && config.add_bos.value_or(had_bos)) ends.before = {*bos};
  if (eos && config.add_eos.value_or(had_eos)) ends.after = {*eos};
}

}  // namespace puna

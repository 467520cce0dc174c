// Hugging Face's library numbers added tokens itself; the ids of the files only say what it did.

#include "tokenizer/added_token_list.h"

#include "base/log.h"
#include "model/model_folder.h"
#include "tokenizer/json_fields.h"

namespace puna {

Result<AddedToken> read_added_token(const Json& json, const std::string& where) {
  ASSIGN_OR_RETURN(const JsonFields fields, JsonFields::of(json, where));
  RETURN_IF_ERROR(fields.allow(
      {"id", "content", "single_word", "lstrip", "rstrip", "normalized", "special", "__type"}));
  AddedToken token;
  ASSIGN_OR_RETURN(const auto content, fields.text("content"));
  token.content = content.value_or("");
  if (token.content.empty() || token.content.size() > kAddedTokenBytesMax) {
    return fields.refuse(
        fmt::format("has no content, or one of more than {} bytes", kAddedTokenBytesMax));
  }
  ASSIGN_OR_RETURN(token.special, fields.flag("special", false));
  ASSIGN_OR_RETURN(token.normalized, fields.flag("normalized", !token.special));
  ASSIGN_OR_RETURN(token.lstrip, fields.flag("lstrip", false));
  ASSIGN_OR_RETURN(token.rstrip, fields.flag("rstrip", false));
  ASSIGN_OR_RETURN(token.single_word, fields.flag("single_word", false));
  const Json* id = fields.find("id");
  token.id = -1;
  if (id == nullptr) return token;
  if (!id->is_number_integer() || id->get<int64_t>() < 0 ||
      id->get<int64_t>() >= kVocabularySizeMax) {
    return fields.refuse(fmt::format("has no valid id; from 0 to {}", kVocabularySizeMax - 1));
  }
  token.id = static_cast<TokenId>(id->get<int64_t>());
  return token;
}

AddedTokenList::AddedTokenList(std::vector<std::string>& pieces, std::vector<AddedToken> tokens)
    : pieces_(pieces), tokens_(std::move(tokens)) {
  for (size_t i = 0; i < tokens_.size(); ++i) by_content_.try_emplace(tokens_[i].content, i);
  for (size_t i = 0; i < pieces.size(); ++i) {
    if (!pieces[i].empty()) model_.try_emplace(pieces[i], static_cast<TokenId>(i));
  }
}

Status AddedTokenList::add(AddedToken token, std::string_view origin) {
  const TokenId said = token.id;
  const auto known = by_content_.find(token.content);
  if (known != by_content_.end()) {
    AddedToken& old = tokens_[known->second];
    token.id = old.id;
    token.in_model = old.in_model;
    old = std::move(token);
    return {};
  }
  if (tokens_.size() >= kAddedTokensMax || pieces_.size() >= kVocabularySizeMax) {
    return invalid_argument("{}: more than {} added tokens, or than {} tokens", origin,
                            kAddedTokensMax, kVocabularySizeMax);
  }
  const auto piece = model_.find(token.content);
  token.in_model = piece != model_.end();
  token.id = token.in_model ? piece->second : static_cast<TokenId>(pieces_.size());
  if (!token.in_model) pieces_.push_back(token.content);
  if (said >= 0 && said != token.id) {
    log_warning("{}: the added token {} is said to have the id {}; it gets {}, as in transformers",
                origin, printable_name(token.content), said, token.id);
  }
  by_content_[token.content] = tokens_.size();
  tokens_.push_back(std::move(token));
  return {};
}

Status AddedTokenList::add_special(AddedToken token, std::string_view origin) {
  const auto known = by_content_.find(token.content);
  if (known != by_content_.end()) {
    tokens_[known->second].special = true;
    return {};
  }
  token.special = true;
  return add(std::move(token), origin);
}

}  // namespace puna

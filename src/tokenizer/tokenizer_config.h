// TokenizerConfig: what tokenizer_config.json, special_tokens_map.json and added_tokens.json add to
// a vocabulary, by transformers' rules.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "tokenizer/added_token_list.h"
#include "tokenizer/added_tokens.h"
#include "tokenizer/tokenizer.h"

namespace puna {

inline constexpr size_t kTokenizerBytesMax = 256 << 20;

struct TokenizerConfig {
  std::optional<std::string> bos, eos;
  std::optional<bool> add_bos, add_eos, add_prefix_space, legacy;
  std::string tokenizer_class;
  std::optional<std::vector<AddedToken>> added_tokens_decoder;  // by id
  std::vector<AddedToken> added_tokens;                         // of added_tokens.json, by id
  std::vector<AddedToken>
      special_tokens;  // bos_token and the others with a name, and the extra ones
};

// The files as JSON, null where there is none. `origin` begins messages, with a file's name after
// it.
Result<TokenizerConfig> parse_tokenizer_config(const Json& tokenizer_config,
                                               const Json& special_tokens_map,
                                               const Json& added_tokens, std::string_view origin);
Result<TokenizerConfig> read_tokenizer_config(const std::filesystem::path& folder);

// A JSON file whose root is an object.
Result<Json> read_json_file(const std::filesystem::path& path);

// Adds the config's tokens to those of the vocabulary's own file.
Status add_tokens(const TokenizerConfig& config, std::string_view origin, AddedTokenList& list);

// BOS and EOS by their contents, and whether they are put around a plain prompt. What the config
// leaves open stays as the vocabulary's file has it.
void apply_ends(const TokenizerConfig& config, const std::vector<std::string>& pieces,
                std::optional<TokenId>& bos, std::optional<TokenId>& eos, PromptEnds& ends);

}  // namespace puna

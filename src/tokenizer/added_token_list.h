// AddedTokenList: the added tokens of several files, put together as transformers does it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "tokenizer/added_tokens.h"

namespace puna {

inline constexpr size_t kAddedTokensMax = 1 << 20;
inline constexpr size_t kAddedTokenBytesMax = 4096;

// The fields of an added token as tokenizer.json and tokenizer_config.json write them. `where`
// begins messages.
Result<AddedToken> read_added_token(const Json& json, const std::string& where);

class AddedTokenList {
 public:
  // `pieces` are the model's own by id, and grow with the tokens. `tokens` are there already.
  explicit AddedTokenList(std::vector<std::string>& pieces, std::vector<AddedToken> tokens = {});

  // A content that is there already gets these flags. A new one gets the id of the model's piece,
  // or the next free one; where the file says another id, `origin` is warned about.
  Status add(AddedToken token, std::string_view origin);
  bool has(std::string_view content) const { return by_content_.contains(std::string(content)); }
  // Makes a token that is there special, and adds one that is not.
  Status add_special(AddedToken token, std::string_view origin);

  std::vector<AddedToken> take() { return std::move(tokens_); }

 private:
  std::vector<std::string>& pieces_;
  std::unordered_map<std::string, TokenId> model_;      // its own pieces
  std::unordered_map<std::string, size_t> by_content_;  // index in tokens_
  std::vector<AddedToken> tokens_;
};

}  // namespace puna

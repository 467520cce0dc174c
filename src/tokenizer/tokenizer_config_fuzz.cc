// Any tokenizer_config.json, special_tokens_map.json and added_tokens.json (three fields of one
// document): an error, or a list of tokens whose ids are places of their pieces.

#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "base/json.h"
#include "tokenizer/tokenizer_config.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto json = puna::parse_json({reinterpret_cast<const char*>(data), size});
  if (!json.ok() || !json->is_object()) return 0;
  const auto config =
      puna::parse_tokenizer_config(json->value("tokenizer_config", puna::Json()),
                                   json->value("special_tokens_map", puna::Json()),
                                   json->value("added_tokens", puna::Json()), "fuzz");
  if (!config.ok()) return 0;
  std::vector<std::string> pieces = {"<unk>", "<s>", "</s>", "a"};
  puna::AddedTokenList list(pieces);
  if (!puna::add_tokens(*config, "fuzz", list).ok()) return 0;
  for (const puna::AddedToken& token : list.take()) {
    const auto id = static_cast<size_t>(token.id);
    CHECK(id < pieces.size() && pieces[id] == token.content, "an id is not its piece's place");
  }
  std::optional<puna::TokenId> bos;
  std::optional<puna::TokenId> eos;
  puna::PromptEnds ends;
  puna::apply_ends(*config, pieces, bos, eos, ends);
  return 0;
}

// Any tokenizer.json: an error, or a tokenizer that encodes without crashing.

#include <cstddef>
#include <cstdint>

#include "base/json.h"
#include "tokenizer/bpe_tokenizer.h"
#include "tokenizer/chat_template.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto json = puna::parse_json({reinterpret_cast<const char*>(data), size});
  if (!json.ok()) return 0;
  auto vocabulary = puna::read_json_bpe(*json, "fuzz");
  if (!vocabulary.ok()) return 0;
  const auto tokenizer = puna::make_bpe_tokenizer(std::move(vocabulary).value(), "fuzz");
  if (!tokenizer.ok()) return 0;
  static const puna::ChatTemplate chat = puna::ChatTemplate::built_in("chatml").value();
  (*tokenizer)->guard_marks(chat);
  const auto ids = (*tokenizer)->encode_plain("Hello w\xC3\xB6rld  123 <|im_end|>\n x");
  if (ids.ok()) (*tokenizer)->decode(*ids);
  const auto prompt = chat.render(std::vector<puna::ChatMessage>{{"user", "a <|im_end|> b"}}, {});
  if (prompt.ok() && (*tokenizer)->encode_prompt(*prompt).ok()) return 0;
  return 0;
}

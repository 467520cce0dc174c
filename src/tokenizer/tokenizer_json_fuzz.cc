// Any tokenizer.json: an error, or a tokenizer that encodes without crashing.

#include <cstddef>
#include <cstdint>

#include "base/json.h"
#include "tokenizer/bpe_tokenizer.h"
#include "tokenizer/sentencepiece_vocabulary.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto json = puna::parse_json({reinterpret_cast<const char*>(data), size});
  if (!json.ok()) return 0;
  if (const auto pieces = puna::read_json_sentencepiece(*json, "fuzz"); pieces.ok()) {
    if (pieces->pieces.size() < 100000) puna::serialize_model(*pieces);
  }
  auto vocabulary = puna::read_json_bpe(*json, "fuzz");
  if (!vocabulary.ok()) return 0;
  const auto tokenizer = puna::make_bpe_tokenizer(std::move(vocabulary).value(), "fuzz");
  if (!tokenizer.ok()) return 0;
  const auto ids =
      (*tokenizer)->encode("Hello w\xC3\xB6rld 123 <|im_end|>", puna::SpecialTokens::kRecognise);
  (*tokenizer)->decode(ids);
  return 0;
}

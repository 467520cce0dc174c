// Any tokenizer.model: an error, or pieces that are the same after writing and reading them again;
// a tiktoken list gives a tokenizer that encodes without crashing.

#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "tokenizer/bpe_tokenizer.h"
#include "tokenizer/sentencepiece_vocabulary.h"
#include "tokenizer/tiktoken_vocabulary.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (puna::is_tiktoken_list(bytes)) {
    auto vocabulary = puna::read_tiktoken(bytes, "fuzz");
    if (!vocabulary.ok() || vocabulary->pieces.size() > 100000) return 0;
    const auto tokenizer = puna::make_bpe_tokenizer(std::move(vocabulary).value(), "fuzz");
    if (!tokenizer.ok()) return 0;
    const auto ids = (*tokenizer)->encode_plain("Hello w\xC3\xB6rld 12345\n");
    if (ids.ok()) (*tokenizer)->decode(*ids);
    return 0;
  }
  const auto read = puna::parse_sentencepiece_model(bytes, "fuzz");
  if (!read.ok()) return 0;
  const auto again = puna::parse_sentencepiece_model(puna::serialize_model(*read), "fuzz");
  CHECK(again.ok() && again->pieces.size() == read->pieces.size(), "a model changes when written");
  CHECK(again->adds_dummy_prefix == read->adds_dummy_prefix, "a model changes when written");
  for (size_t i = 0; i < read->pieces.size(); ++i) {
    CHECK(again->pieces[i].text == read->pieces[i].text, "a piece changes when written");
    CHECK(again->pieces[i].type == read->pieces[i].type, "a piece changes when written");
  }
  return 0;
}

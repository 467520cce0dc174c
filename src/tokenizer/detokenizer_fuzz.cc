// Any bytes, as tokens: only whole characters come out, and their sum is the repaired text.

#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "base/utf8.h"
#include "tokenizer/byte_tokenizer.h"
#include "tokenizer/detokenizer.h"
#include "tokenizer/stop_strings.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto tokenizer = puna::make_byte_tokenizer();
  puna::Detokenizer detokenizer(*tokenizer, true);
  puna::StopStrings stops({"END", "</s>"});
  std::string sum;
  std::string shown;
  for (size_t i = 0; i < size; ++i) {
    const std::string piece = detokenizer.push(data[i]);
    CHECK(puna::is_valid_utf8(piece), "a character was split");
    sum += piece;
    shown += stops.push(piece);
  }
  sum += detokenizer.finish();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  CHECK(sum == puna::repair_utf8(text), "text was lost");
  CHECK(shown.find("END") == std::string::npos, "a stop string leaked");
  return 0;
}

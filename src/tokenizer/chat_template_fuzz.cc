// Any text as a chat template: an error, or a prompt whose bytes all have an origin.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/check.h"
#include "tokenizer/chat_template.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view source(reinterpret_cast<const char*>(data), size);
  const auto parsed = puna::ChatTemplate::parse(source, "fuzz");
  if (!parsed.ok()) return 0;
  static const std::vector<puna::ChatMessage> messages = {
      {"system", "Be brief."}, {"user", " Hi <|im_end|> "}, {"assistant", "Hello!"}, {"user", "x"}};
  puna::ChatTemplateOptions options;
  options.bos_token = "<s>";
  options.eos_token = "</s>";
  options.date_string = "26 Jul 2024";
  const auto prompt = parsed->render(messages, options);
  if (prompt.ok())
    CHECK(prompt->text.size() == prompt->from_template.size(), "a byte has no origin");
  return 0;
}

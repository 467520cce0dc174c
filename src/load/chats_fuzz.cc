// Any bytes as a file of chats and as the stream of an answer: read or refused, never a crash, and
// what was read can be sent.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "base/json.h"
#include "load/answer_reader.h"
#include "load/chats_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  puna::AnswerReader whole, in_pieces;
  whole.add(bytes);
  for (size_t i = 0; i < size; ++i) in_pieces.add(bytes.substr(i, 1));
  CHECK(whole.text() == in_pieces.text(), "pieces change the text");
  CHECK(whole.output_tokens() == in_pieces.output_tokens(), "pieces change the count");
  puna::refusal_message(bytes);
  const auto chats = puna::parse_chats(bytes, "file");
  if (!chats.ok()) return 0;
  puna::Conversation conversation((*chats)->script(0));
  const puna::JsonLimits deep{.depth_max = puna::kJsonDepthMax + 2};
  while (conversation.has_question()) {
    CHECK(puna::parse_json("[" + conversation.question() + "]", deep).ok(), "no list of messages");
    conversation.answered(whole.text());
  }
  return 0;
}

// Any bytes as a server's stream of an answer, in pieces of any size, and as a file for /load:
// read or refused, never a crash. What was loaded can be saved and loaded again.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "app/answer_stream.h"
#include "app/chat_text.h"
#include "base/check.h"

namespace puna {
namespace {

std::string text_in_pieces(std::string_view bytes, size_t piece) {
  std::string text;
  const ChatModel::OnText keep = [&](std::string_view more) {
    text += more;
    return true;
  };
  AnswerStream stream(keep);
  for (size_t begin = 0; begin < bytes.size(); begin += piece) {
    if (!stream.add(bytes.substr(begin, piece))) break;
  }
  const auto end = stream.end();
  CHECK(!end.ok() || end->completion_tokens >= 0, "less than no token");
  return text;
}

}  // namespace
}  // namespace puna

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  CHECK(puna::text_in_pieces(bytes, 1) == puna::text_in_pieces(bytes, size + 1),
        "pieces change the text");
  puna::refusal(503, bytes, "url").ok();
  puna::is_for_good(bytes);
  const auto turns = puna::parse_conversation(bytes, "file");
  if (turns.ok()) {
    const auto again = puna::parse_conversation(puna::conversation_text(*turns), "file");
    CHECK(again.ok() && again->size() == turns->size(), "a saved conversation is refused");
  }
  return 0;
}

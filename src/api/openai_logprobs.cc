// A token may be a part of a character: then its name is "bytes:\xNN…", as OpenAI's is.

#include "api/openai_logprobs.h"

#include <fmt/format.h>

#include "base/utf8.h"

namespace puna {
namespace {

std::string name_of(const std::string& piece) {
  if (is_valid_utf8(piece)) return piece;
  std::string name = "bytes:";
  for (const char byte : piece) name += fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
  return name;
}

OrderedJson bytes_of(const std::string& piece) {
  OrderedJson bytes = OrderedJson::array();
  for (const char byte : piece) bytes.push_back(static_cast<unsigned char>(byte));
  return bytes;
}

OrderedJson chat_entry(const std::string& piece, double logprob) {
  OrderedJson entry;
  entry["token"] = name_of(piece);
  entry["logprob"] = logprob;
  entry["bytes"] = bytes_of(piece);
  return entry;
}

// Bytes that begin a character.
size_t character_count(const std::string& piece) {
  size_t count = 0;
  for (const char byte : piece) count += (static_cast<unsigned char>(byte) & 0xC0) != 0x80 ? 1 : 0;
  return count;
}

OrderedJson top_of(const TokenLogprob& one) {
  OrderedJson top = OrderedJson::object();
  for (size_t i = 0; i < one.top.size(); ++i) {
    top[name_of(one.top_pieces[i])] = one.top[i].second;
  }
  return top;
}

}  // namespace

OrderedJson chat_logprobs(const std::vector<TokenLogprob>& logprobs) {
  OrderedJson content = OrderedJson::array();
  for (const TokenLogprob& one : logprobs) {
    OrderedJson entry = chat_entry(one.piece, one.logprob);
    entry["top_logprobs"] = OrderedJson::array();
    for (size_t i = 0; i < one.top.size(); ++i) {
      entry["top_logprobs"].push_back(chat_entry(one.top_pieces[i], one.top[i].second));
    }
    content.push_back(std::move(entry));
  }
  OrderedJson json;
  json["content"] = std::move(content);
  json["refusal"] = nullptr;
  return json;
}

OrderedJson completion_logprobs(const std::vector<TokenLogprob>& logprobs, size_t& text_offset) {
  OrderedJson json;
  for (const char* name : {"tokens", "token_logprobs", "top_logprobs", "text_offset"}) {
    json[name] = OrderedJson::array();
  }
  for (const TokenLogprob& one : logprobs) {
    json["tokens"].push_back(name_of(one.piece));
    json["token_logprobs"].push_back(one.exists ? OrderedJson(one.logprob) : OrderedJson(nullptr));
    json["top_logprobs"].push_back(one.exists ? top_of(one) : OrderedJson(nullptr));
    json["text_offset"].push_back(text_offset);
    text_offset += character_count(one.piece);
  }
  return json;
}

}  // namespace puna

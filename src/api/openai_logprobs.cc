// A token's text may be a part of a character: it is shown repaired, and whole in "bytes".

#include "api/openai_logprobs.h"

#include <algorithm>

#include "base/utf8.h"

namespace puna {
namespace {

// JSON has no infinity; this is what OpenAI's API answers for "never".
constexpr double kLogprobMin = -9999.0;

OrderedJson token_json(const std::string& piece, double logprob) {
  OrderedJson json;
  json["token"] = repair_utf8(piece);
  json["logprob"] = std::max(logprob, kLogprobMin);
  json["bytes"] = OrderedJson::array();
  for (const char byte : piece) json["bytes"].push_back(static_cast<unsigned char>(byte));
  return json;
}

}  // namespace

OrderedJson chat_logprobs(const std::vector<TokenLogprob>& logprobs) {
  OrderedJson content = OrderedJson::array();
  for (const TokenLogprob& one : logprobs) {
    OrderedJson json = token_json(one.piece, one.logprob);
    json["top_logprobs"] = OrderedJson::array();
    for (size_t i = 0; i < one.top.size(); ++i) {
      json["top_logprobs"].push_back(token_json(one.top_pieces[i], one.top[i].second));
    }
    content.push_back(std::move(json));
  }
  OrderedJson json;
  json["content"] = std::move(content);
  json["refusal"] = nullptr;
  return json;
}

OrderedJson completion_logprobs(const std::vector<TokenLogprob>& logprobs, size_t text_offset) {
  OrderedJson json;
  for (const char* name : {"text_offset", "token_logprobs", "tokens", "top_logprobs"}) {
    json[name] = OrderedJson::array();
  }
  size_t offset = text_offset;
  for (const TokenLogprob& one : logprobs) {
    json["text_offset"].push_back(offset);
    offset += one.piece.size();
    json["tokens"].push_back(repair_utf8(one.piece));
    if (!one.exists) {
      json["token_logprobs"].push_back(nullptr);
      json["top_logprobs"].push_back(nullptr);
      continue;
    }
    json["token_logprobs"].push_back(std::max(one.logprob, kLogprobMin));
    OrderedJson top = OrderedJson::object();
    for (size_t i = 0; i < one.top.size(); ++i) {
      top[repair_utf8(one.top_pieces[i])] = std::max(one.top[i].second, kLogprobMin);
    }
    json["top_logprobs"].push_back(std::move(top));
  }
  return json;
}

}  // namespace puna

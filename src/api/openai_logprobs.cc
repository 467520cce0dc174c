// A token may be a part of a character: then its name is "bytes:\xNN…", as OpenAI's is.

#include "api/openai_logprobs.h"

#include <fmt/format.h>

#include "base/utf8.h"

namespace puna {
namespace {

std::string name_of(TokenId id, const std::string& piece, TokenNames names) {
  if (names == TokenNames::kIds) return fmt::format("token_id:{}", id);
  if (is_valid_utf8(piece)) return piece;
  std::string name = "bytes:";
  for (const char byte : piece) name += fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
  return name;
}

OrderedJson chat_entry(std::string name, const std::string& piece, double logprob) {
  OrderedJson entry;
  entry["token"] = std::move(name);
  entry["logprob"] = logprob;
  entry["bytes"] = OrderedJson::array();
  for (const char byte : piece) entry["bytes"].push_back(static_cast<unsigned char>(byte));
  return entry;
}

// Two tokens may have one name; then it is the one that stands there.
OrderedJson top_of(const TokenLogprob& one, TokenNames names) {
  OrderedJson top = OrderedJson::object();
  for (size_t i = 0; i < one.top.size(); ++i) {
    const auto& [id, logprob] = one.top[i];
    top.emplace(name_of(id, one.top_pieces[i], names), logprob);
  }
  top[name_of(one.token, one.piece, names)] = one.logprob;
  return top;
}

void add_completion(const TokenLogprob& one, size_t text_offset, TokenNames names,
                    OrderedJson& json) {
  json["tokens"].push_back(name_of(one.token, one.piece, names));
  json["token_logprobs"].push_back(one.exists ? OrderedJson(one.logprob) : OrderedJson(nullptr));
  json["top_logprobs"].push_back(one.exists ? top_of(one, names) : OrderedJson(nullptr));
  json["text_offset"].push_back(text_offset);
}

OrderedJson ranked(double logprob, int rank, const std::string& piece) {
  OrderedJson entry;
  entry["logprob"] = logprob;
  entry["rank"] = rank;
  entry["decoded_token"] = repair_utf8(piece);
  return entry;
}

}  // namespace

OrderedJson chat_logprobs(const std::vector<TokenLogprob>& logprobs, TokenNames names) {
  OrderedJson content = OrderedJson::array();
  for (const TokenLogprob& one : logprobs) {
    OrderedJson entry = chat_entry(name_of(one.token, one.piece, names), one.piece, one.logprob);
    entry["top_logprobs"] = OrderedJson::array();
    for (size_t i = 0; i < one.top.size(); ++i) {
      const auto& [id, logprob] = one.top[i];
      entry["top_logprobs"].push_back(
          chat_entry(name_of(id, one.top_pieces[i], names), one.top_pieces[i], logprob));
    }
    content.push_back(std::move(entry));
  }
  OrderedJson json;
  json["content"] = std::move(content);
  json["refusal"] = nullptr;
  return json;
}

OrderedJson completion_logprobs(const std::vector<TokenLogprob>& prompt,
                                const std::vector<TokenLogprob>& answer, size_t answer_offset,
                                TokenNames names) {
  OrderedJson json;
  for (const char* name : {"tokens", "token_logprobs", "top_logprobs", "text_offset"}) {
    json[name] = OrderedJson::array();
  }
  for (const TokenLogprob& one : prompt) add_completion(one, one.text_offset, names, json);
  for (const TokenLogprob& one : answer) {
    add_completion(one, answer_offset + one.text_offset, names, json);
  }
  return json;
}

OrderedJson prompt_logprobs_json(const std::vector<TokenLogprob>& logprobs) {
  OrderedJson list = OrderedJson::array();
  for (const TokenLogprob& one : logprobs) {
    if (!one.exists) {
      list.push_back(nullptr);
      continue;
    }
    OrderedJson entry;
    entry[std::to_string(one.token)] = ranked(one.logprob, one.rank, one.piece);
    for (size_t i = 0; i < one.top.size(); ++i) {
      const auto& [id, logprob] = one.top[i];
      entry[std::to_string(id)] = ranked(logprob, static_cast<int>(i) + 1, one.top_pieces[i]);
    }
    list.push_back(std::move(entry));
  }
  return list;
}

}  // namespace puna

// OpenAI's shape, with vLLM's max_model_len and our adapters.

#include "api/model_routes.h"

#include <chrono>

#include "api/error_response.h"
#include "base/json.h"

namespace puna {
namespace {

int64_t process_start_seconds() {
  static const auto start = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::seconds>(start).count();
}

OrderedJson model_json(const ModelCard& card) {
  OrderedJson json;
  json["id"] = card.name;
  json["object"] = "model";
  json["created"] = process_start_seconds();
  json["owned_by"] = "puna";
  json["root"] = card.name;
  json["parent"] = nullptr;
  json["max_model_len"] = card.max_model_len;
  json["adapters"] = card.adapters;
  return json;
}

HttpReply reply_of(const OrderedJson& json) {
  HttpReply reply;
  reply.body = dump_json(json);
  return reply;
}

}  // namespace

HttpReply models_reply(const ModelCard& card) {
  OrderedJson json;
  json["object"] = "list";
  json["data"] = OrderedJson::array();
  json["data"].push_back(model_json(card));
  return reply_of(json);
}

HttpReply model_reply(const ModelCard& card, std::string_view name) {
  const std::string decoded = decode_path(name);
  if (decoded != card.name) return to_reply(unknown_model(decoded, card.name));
  return reply_of(model_json(card));
}

HttpReply version_reply(const std::string& version) {
  OrderedJson json;
  json["version"] = version;
  return reply_of(json);
}

}  // namespace puna

// OpenAI's shape, with vLLM's max_model_len and our adapters.

#include "api/model_routes.h"

#include <chrono>

#include "api/error_response.h"
#include "api/openai_request.h"
#include "base/json.h"

namespace puna {
namespace {

int64_t process_start_seconds() {
  static const auto start = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::seconds>(start).count();
}

// What llama.cpp's /props and its models' "meta" say, in its words.
OrderedJson facts_json(const ModelCard& card, const SamplingParams& defaults) {
  OrderedJson json;
  json["n_vocab"] = card.vocab_size;
  json["n_ctx"] = card.max_model_len;
  json["total_slots"] = card.max_num_seqs;
  json["chat_template"] = card.has_chat_template ? OrderedJson(card.chat_format) : nullptr;
  json["chat_template_kwargs"] = card.template_variables;
  OrderedJson& settings = json["default_generation_settings"];
  settings["temperature"] = defaults.temperature;
  settings["top_k"] = defaults.top_k;
  settings["top_p"] = defaults.top_p;
  settings["min_p"] = defaults.min_p;
  settings["repetition_penalty"] = defaults.repetition_penalty;
  json["modalities"]["vision"] = false;
  json["modalities"]["audio"] = false;
  return json;
}

OrderedJson model_json(const ModelCard& card, const SamplingParams& defaults,
                       const std::string& name) {
  OrderedJson json;
  json["id"] = name;
  json["object"] = "model";
  json["created"] = process_start_seconds();
  json["owned_by"] = "puna";
  json["root"] = card.name;
  json["parent"] = nullptr;
  json["max_model_len"] = card.max_model_len;
  json["adapters"] = card.adapters;
  json["meta"] = facts_json(card, defaults);
  return json;
}

HttpReply reply_of(const OrderedJson& json) {
  HttpReply reply;
  reply.body = dump_json(json);
  return reply;
}

}  // namespace

HttpReply models_reply(const Generator& generator) {
  const ModelCard& card = generator.model();
  OrderedJson json;
  json["object"] = "list";
  json["data"] = OrderedJson::array();
  for (const std::string& name : card.names) {
    json["data"].push_back(model_json(card, generator.default_sampling(), name));
  }
  return reply_of(json);
}

HttpReply model_reply(const Generator& generator, std::string_view name) {
  const ModelCard& card = generator.model();
  const std::string decoded = decode_path(name);
  const Status served = check_model_name(decoded, card.names);
  if (!served.ok()) return to_reply(unknown_model(served.message()));
  return reply_of(model_json(card, generator.default_sampling(), decoded));
}

HttpReply version_reply(const std::string& version) {
  OrderedJson json;
  json["version"] = version;
  return reply_of(json);
}

}  // namespace puna

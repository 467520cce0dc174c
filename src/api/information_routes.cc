// The routes that only tell: models, tokens, health, metrics.

#include "api/openai_request.h"
#include "api/request_fields.h"
#include "api/routes.h"
#include "base/json.h"

namespace puna {
namespace {

HttpReply json_reply(const OrderedJson& json) {
  HttpReply reply;
  reply.body = dump_json(json);
  return reply;
}

OrderedJson model_json(const ModelCard& model) {
  OrderedJson json;
  json["id"] = model.name;
  json["object"] = "model";
  json["created"] = 0;
  json["owned_by"] = "puna";
  json["root"] = model.name;
  json["parent"] = nullptr;
  json["max_model_len"] = model.max_model_len;
  json["adapters"] = model.adapters;
  return json;
}

HttpReply not_ready(const char* why) {
  ApiError error;
  error.status = 503;
  error.type = "unavailable_error";
  error.code = why;
  error.message = std::string("not ready: ") + why;
  error.retry_after_seconds = 1;
  return to_reply(error);
}

Result<std::vector<TokenId>> tokens_of(const RequestFields& fields, const Generator& generator) {
  if (const Json* messages = fields.find("messages"); messages != nullptr) {
    bool add_generation_prompt = true;
    RETURN_IF_ERROR(fields.read("add_generation_prompt", add_generation_prompt));
    ASSIGN_OR_RETURN(const ChatMessages parsed, parse_messages(*messages));
    return generator.tokenize(parsed, add_generation_prompt);
  }
  if (fields.find("prompt") == nullptr) return invalid_argument("prompt or messages is missing");
  std::string prompt;
  bool add_special_tokens = true;
  RETURN_IF_ERROR(fields.read("prompt", prompt));
  RETURN_IF_ERROR(fields.read("add_special_tokens", add_special_tokens));
  return generator.tokenize(prompt, add_special_tokens);
}

}  // namespace

RouteOutcome Routes::models(const HttpRequest& request) {
  const ModelCard& model = generator()->model();
  constexpr std::string_view kPrefix = "/v1/models/";
  if (!request.path().starts_with(kPrefix)) {
    OrderedJson json;
    json["object"] = "list";
    json["data"] = OrderedJson::array({model_json(model)});
    return json_reply(json);
  }
  const std::string_view id = request.path().substr(kPrefix.size());
  if (id == model.name) return json_reply(model_json(model));
  ApiError error;
  error.status = 404;
  error.message =
      "the model " + std::string(id) + " does not exist; this server serves " + model.name;
  error.param = "model";
  error.code = "model_not_found";
  return to_reply(error);
}

RouteOutcome Routes::tokenize(const HttpRequest& request) {
  const std::shared_ptr<Generator> now = generator();
  const auto body = parse_body(request.body);
  if (!body.ok()) return to_reply(to_api_error(body.status(), 1));
  const RequestFields fields(*body);
  const auto tokens = tokens_of(fields, *now);
  if (!tokens.ok()) return to_reply(to_api_error(tokens.status(), 1));
  bool return_token_strs = false;
  if (const Status status = fields.read("return_token_strs", return_token_strs); !status.ok()) {
    return to_reply(to_api_error(status, 1));
  }
  OrderedJson json;
  json["count"] = tokens->size();
  json["max_model_len"] = now->model().max_model_len;
  json["tokens"] = *tokens;
  json["token_strs"] = nullptr;
  if (return_token_strs) {
    json["token_strs"] = OrderedJson::array();
    for (const TokenId id : *tokens) json["token_strs"].push_back(now->token_piece(id));
  }
  return json_reply(json);
}

RouteOutcome Routes::detokenize(const HttpRequest& request) {
  const auto body = parse_body(request.body);
  if (!body.ok()) return to_reply(to_api_error(body.status(), 1));
  const RequestFields fields(*body);
  std::vector<TokenId> tokens;
  if (fields.find("tokens") == nullptr) return to_reply(bad_request("tokens is missing", "tokens"));
  if (const Status status = fields.read("tokens", tokens); !status.ok()) {
    return to_reply(bad_request(status.message(), "tokens"));
  }
  const auto text = generator()->detokenize(tokens);
  if (!text.ok()) return to_reply(bad_request(text.status().message(), "tokens"));
  OrderedJson json;
  json["prompt"] = *text;
  return json_reply(json);
}

RouteOutcome Routes::health(const HttpRequest&) {
  OrderedJson json;
  json["status"] = generator() == nullptr ? "loading" : "ok";
  return json_reply(json);
}

RouteOutcome Routes::ready(const HttpRequest&) {
  if (draining_) return not_ready("draining");
  if (generator() == nullptr) return not_ready("loading");
  OrderedJson json;
  json["status"] = "ready";
  return json_reply(json);
}

RouteOutcome Routes::version(const HttpRequest&) {
  OrderedJson json;
  json["version"] = options_.version;
  return json_reply(json);
}

RouteOutcome Routes::metrics_text(const HttpRequest&) {
  HttpReply reply;
  reply.content_type = "text/plain; version=0.0.4; charset=utf-8";
  const std::shared_ptr<Generator> now = generator();
  if (now == nullptr) {
    reply.body = metrics_.text("", nullptr);
  } else {
    const EngineStats stats = now->stats();
    reply.body = metrics_.text(now->model().name, &stats);
  }
  return reply;
}

RouteOutcome Routes::page_config(const HttpRequest&) {
  return page_config_reply(options_.page, *generator());
}

}  // namespace puna

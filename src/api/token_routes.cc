// Text to ids and back, as the model sees them.

#include "api/token_routes.h"

#include "api/openai_request.h"
#include "api/request_fields.h"

namespace puna {
namespace {

Result<std::vector<TokenId>> tokens_of(const Generator& generator, const RequestFields& fields) {
  const Json* messages = fields.find("messages");
  if (messages != nullptr && fields.find("prompt") == nullptr) {
    bool add_generation_prompt = true;
    RETURN_IF_ERROR(fields.read("add_generation_prompt", add_generation_prompt));
    ASSIGN_OR_RETURN(const ChatMessages parsed, parse_messages(*messages));
    return generator.tokenize(parsed, add_generation_prompt);
  }
  if (messages != nullptr || fields.find("prompt") == nullptr) {
    return invalid_argument("prompt or messages must be given, one of them");
  }
  std::string prompt;
  bool add_special_tokens = true;
  RETURN_IF_ERROR(fields.read("prompt", prompt));
  RETURN_IF_ERROR(fields.read("add_special_tokens", add_special_tokens));
  return generator.tokenize(prompt, add_special_tokens);
}

}  // namespace

Result<HttpReply> tokenize_reply(const Generator& generator, const HttpRequest& request) {
  ASSIGN_OR_RETURN(const Json body, parse_body(request.body));
  const RequestFields fields(body);
  bool with_strings = false;
  RETURN_IF_ERROR(fields.read("return_token_strs", with_strings));
  ASSIGN_OR_RETURN(const std::vector<TokenId> tokens, tokens_of(generator, fields));
  OrderedJson json;
  json["count"] = tokens.size();
  json["max_model_len"] = generator.model().max_model_len;
  json["tokens"] = tokens;
  json["token_strs"] = nullptr;
  if (with_strings) {
    json["token_strs"] = OrderedJson::array();
    for (const TokenId id : tokens) json["token_strs"].push_back(generator.token_piece(id));
  }
  HttpReply reply;
  reply.body = dump_json(json);
  return reply;
}

Result<HttpReply> detokenize_reply(const Generator& generator, const HttpRequest& request) {
  ASSIGN_OR_RETURN(const Json body, parse_body(request.body));
  const RequestFields fields(body);
  if (fields.find("tokens") == nullptr) return invalid_argument("tokens is missing");
  std::vector<TokenId> tokens;
  RETURN_IF_ERROR(fields.read("tokens", tokens));
  ASSIGN_OR_RETURN(const std::string text, generator.detokenize(tokens));
  OrderedJson json;
  json["prompt"] = text;
  HttpReply reply;
  reply.body = dump_json(json);
  return reply;
}

}  // namespace puna

// Text to ids and back, as the model sees them.

#include "api/token_routes.h"

#include <fmt/format.h>

#include <iterator>

#include "api/chat_messages.h"
#include "api/field_policy.h"
#include "api/json_list.h"
#include "api/openai_request.h"

namespace puna {
namespace {

Status store_prompt(const Json& value, TokenizeRequest& request) {
  request.prompt = value.get<std::string>();
  return {};
}
Status store_messages(const Json& value, TokenizeRequest& request) {
  ASSIGN_OR_RETURN(request.messages, parse_messages(value));
  return {};
}
template <auto Member>
Status chat(const Json& value, TokenizeRequest& request) {
  return kStoreIn<Member>(value, request.chat);
}
Status store_tokenize_variables(const Json& value, TokenizeRequest& request) {
  return store_template_variables(value, request.chat);
}

constexpr Field<TokenizeRequest> kTokenize[] = {
    {{"prompt", field::text(), "a text; or messages"}, store_prompt},
    {{"messages",
      field::other(R"({"type": "array", "items": {"$ref": "#/components/schemas/ChatMessage"}})"),
      "a conversation, through the chat template"},
     store_messages},
    {{"add_special_tokens", field::boolean(), "begin a text with the model's begin token (true)"},
     kStoreIn<&TokenizeRequest::add_special_tokens>},
    {{"add_generation_prompt", field::boolean(), "let the template begin the answer (true)"},
     chat<&ChatRendering::add_generation_prompt>},
    {{"continue_final_message", field::boolean(), "end inside the last message (false)"},
     chat<&ChatRendering::continue_final_message>},
    {{"chat_template_kwargs", field::other(R"({"type": "object"})"),
      "values for variables that the chat template reads (none)"},
     store_tokenize_variables},
    {{"return_token_strs", field::boolean(),
      "the tokens as the vocabulary spells them, too (false)"},
     kStoreIn<&TokenizeRequest::return_token_strs>},
    {{"model", field::text(), "a served name"}, kStoreIn<&TokenizeRequest::model>},
};

constexpr Field<DetokenizeRequest> kDetokenize[] = {
    {{"tokens", field::token_ids(), "what to turn into text", true},
     kStoreIn<&DetokenizeRequest::tokens>},
    {{"model", field::text(), "a served name"}, kStoreIn<&DetokenizeRequest::model>},
};

// An unknown model is told before anything else; its status is the caller's matter.
Status check_body(const Generator& generator, const Json& body,
                  const std::vector<std::string_view>& known) {
  const Json* model = find_field(body, "model");
  if (model != nullptr && model->is_string()) {
    RETURN_IF_ERROR(
        check_model_name(model->get_ref<const std::string&>(), generator.model().names));
  }
  return refuse_unknown_fields(body, known, "");
}

Result<std::vector<TokenId>> tokens_of(const Generator& generator, const TokenizeRequest& request) {
  if (request.messages.has_value() == request.prompt.has_value()) {
    return invalid_argument("prompt or messages must be given, one of them").about("prompt");
  }
  auto tokens = request.messages ? generator.tokenize(*request.messages, request.chat)
                                 : generator.tokenize(*request.prompt, request.add_special_tokens);
  if (!tokens.ok()) return tokens.status().about(request.messages ? "messages" : "prompt");
  return tokens;
}

// Millions of tokens as values of JSON would take ten times the memory of their text.
std::string ids_text(const std::vector<TokenId>& tokens) {
  std::string text = "[";
  for (const TokenId id : tokens) fmt::format_to(std::back_inserter(text), "{},", id);
  if (!tokens.empty()) text.pop_back();
  return text + "]";
}

std::string pieces_text(const Generator& generator, const std::vector<TokenId>& tokens) {
  std::string text = "[";
  for (const TokenId id : tokens) {
    text += dump_json(Json(generator.token_piece(id)));
    text += ',';
  }
  if (!tokens.empty()) text.pop_back();
  return text + "]";
}

HttpReply reply_of(const OrderedJson& json) {
  HttpReply reply;
  reply.body = dump_json(json);
  return reply;
}

}  // namespace

std::span<const Field<TokenizeRequest>> tokenize_fields() { return kTokenize; }
std::span<const Field<DetokenizeRequest>> detokenize_fields() { return kDetokenize; }

Result<HttpReply> tokenize_reply(const Generator& generator, const HttpRequest& request) {
  ASSIGN_OR_RETURN(const Json body, parse_body(request.body));
  RETURN_IF_ERROR(check_body(generator, body, names_of(tokenize_fields())));
  TokenizeRequest wanted;
  RETURN_IF_ERROR(read_fields(body, tokenize_fields(), wanted));
  const bool says_prompt = find_field(body, "add_generation_prompt") != nullptr;
  if (wanted.chat.continue_final_message && says_prompt && wanted.chat.add_generation_prompt) {
    return invalid_field("continue_final_message", "and add_generation_prompt cannot both be true");
  }
  if (wanted.chat.continue_final_message) wanted.chat.add_generation_prompt = false;
  ASSIGN_OR_RETURN(const std::vector<TokenId> tokens, tokens_of(generator, wanted));
  OrderedJson json;
  json["count"] = tokens.size();
  json["max_model_len"] = generator.model().max_model_len;
  HttpReply reply = reply_of(json);
  add_member("tokens", ids_text(tokens), reply.body);
  add_member("token_strs", wanted.return_token_strs ? pieces_text(generator, tokens) : "null",
             reply.body);
  return reply;
}

Result<HttpReply> detokenize_reply(const Generator& generator, const HttpRequest& request) {
  ASSIGN_OR_RETURN(const Json body, parse_body(request.body));
  RETURN_IF_ERROR(check_body(generator, body, names_of(detokenize_fields())));
  if (find_field(body, "tokens") == nullptr) return invalid_field("tokens", "is missing");
  DetokenizeRequest wanted;
  RETURN_IF_ERROR(read_fields(body, detokenize_fields(), wanted));
  const auto text = generator.detokenize(wanted.tokens);
  if (!text.ok()) return text.status().about("tokens");
  OrderedJson json;
  json["prompt"] = *text;
  return reply_of(json);
}

}  // namespace puna

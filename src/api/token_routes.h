// /tokenize and /detokenize, in vLLM's shapes.
#pragma once

#include <optional>
#include <span>

#include "api/request_fields.h"
#include "base/status.h"
#include "generate/generator.h"
#include "http/http_message.h"

namespace puna {

struct TokenizeRequest {
  std::optional<std::string> prompt;
  std::optional<ChatMessages> messages;
  ChatRendering chat;
  bool add_special_tokens = true;
  bool return_token_strs = false;
  std::string model;
};
struct DetokenizeRequest {
  TokenIds tokens;
  std::string model;
};

std::span<const Field<TokenizeRequest>> tokenize_fields();
std::span<const Field<DetokenizeRequest>> detokenize_fields();

// {"prompt" or "messages"} -> {"count", "max_model_len", "tokens", "token_strs"}
Result<HttpReply> tokenize_reply(const Generator& generator, const HttpRequest& request);
// {"tokens"} -> {"prompt"}
Result<HttpReply> detokenize_reply(const Generator& generator, const HttpRequest& request);

}  // namespace puna

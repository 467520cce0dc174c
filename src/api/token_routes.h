// /tokenize and /detokenize, in vLLM's shapes.
#pragma once

#include "http/http_message.h"
#include "base/status.h"
#include "generate/generator.h"

namespace puna {

// {"prompt" or "messages"} -> {"count", "max_model_len", "tokens", "token_strs"}
Result<HttpReply> tokenize_reply(const Generator& generator, const HttpRequest& request);
// {"tokens"} -> {"prompt"}
Result<HttpReply> detokenize_reply(const Generator& generator, const HttpRequest& request);

}  // namespace puna

// Requests that generate: /v1/chat/completions, /v1/completions, /infer.
#pragma once

#include <memory>
#include <string>
#include <variant>

#include "api/answer.h"
#include "api/http_message.h"
#include "generate/generator.h"

namespace puna {

// A reply at once, or an answer that is on its way.
using RouteOutcome = std::variant<HttpReply, std::unique_ptr<Answer>>;

struct GenerationContext {
  std::shared_ptr<Generator> generator;
  Metrics& metrics;
  const std::string& system_prompt;  // of /infer
};

RouteOutcome answer_chat(const GenerationContext& context, const HttpRequest& request);
RouteOutcome answer_completion(const GenerationContext& context, const HttpRequest& request);
// GET /infer?sentence=… as the seed system has it, and POST with the same names as JSON.
RouteOutcome answer_infer(const GenerationContext& context, const HttpRequest& request);

}  // namespace puna

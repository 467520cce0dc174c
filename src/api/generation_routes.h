// Requests that generate: /v1/chat/completions, /v1/completions, /infer.
#pragma once

#include <memory>
#include <string>

#include "api/answer.h"
#include "generate/generator.h"
#include "http/http_handler.h"

namespace puna {

struct GenerationContext {
  std::shared_ptr<Generator> generator;
  Metrics& metrics;
  const std::string& system_prompt;  // of /infer
};

HttpOutcome answer_chat(const GenerationContext& context, const HttpRequest& request);
HttpOutcome answer_completion(const GenerationContext& context, const HttpRequest& request);
// GET /infer?sentence=… as the seed system has it, and POST with the same names as JSON.
HttpOutcome answer_infer(const GenerationContext& context, const HttpRequest& request);

}  // namespace puna

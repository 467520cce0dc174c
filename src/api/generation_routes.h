// Requests that generate: /v1/chat/completions, /v1/completions, /infer.
#pragma once

#include <memory>
#include <string>

#include "api/answer.h"
#include "generate/generator.h"
#include "generate/text_pool.h"
#include "http/http_handler.h"

namespace puna {

struct GenerationContext {
  std::shared_ptr<Generator> generator;
  TextPool& text_pool;
  Metrics& metrics;
  const Clock& clock;
  const std::string& system_prompt;  // of /infer
};

// Each takes a place in the queue first and reads the request on the text pool then: what is
// refused for want of room costs next to nothing.
HttpOutcome answer_chat(const GenerationContext& context, HttpRequest request);
HttpOutcome answer_completion(const GenerationContext& context, HttpRequest request);
// GET /infer?sentence=… as the seed system has it, and POST with the same names as JSON.
HttpOutcome answer_infer(const GenerationContext& context, HttpRequest request);

}  // namespace puna

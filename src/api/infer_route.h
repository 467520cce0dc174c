// GET and POST /infer: the seed system's endpoint. A sentence in, a JSON array of one string out.
#pragma once

#include <memory>
#include <string>

#include "api/answer.h"
#include "api/http_message.h"
#include "base/status.h"
#include "generate/generation_request.h"

namespace puna {

struct InferRequest {
  std::string sentence;
  bool echo = true;  // the sentence comes before the answer, as the seed has it
  GenerationRequest generation;
};

// Parameters `sentence` (required), `echo`, `max_tokens`, `temperature`, `seed` from the query, or
// from a JSON body of a POST. kNotFound: no sentence (HTTP 422, as the seed answers).
Result<InferRequest> parse_infer_request(const HttpRequest& request, const SamplingParams& defaults,
                                         const std::string& system_prompt, bool has_chat_template);

std::unique_ptr<Answer> make_infer_answer(const InferRequest& request);

}  // namespace puna

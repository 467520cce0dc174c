// The request of /infer: the query of a GET, or the JSON of a POST.
#pragma once

#include <string>

#include "http/http_message.h"
#include "base/status.h"
#include "generate/generation_request.h"

namespace puna {

struct InferRequest {
  std::string sentence;
  bool echo = true;              // the sentence comes before the answer, as in the seed system
  GenerationRequest generation;  // without its prompt
};

// kNotFound when there is no sentence; other names are temperature, top_k, top_p, max_tokens and
// seed.
Result<InferRequest> parse_infer_request(const HttpRequest& request,
                                         const SamplingParams& defaults);

}  // namespace puna

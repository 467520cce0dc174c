// The request of /infer: the query of a GET, or the JSON of a POST.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "api/request_fields.h"
#include "base/status.h"
#include "generate/generation_request.h"
#include "http/http_message.h"

namespace puna {

struct InferRequest {
  std::string sentence;
  bool echo = true;              // the sentence comes before the answer, as in the seed system
  GenerationRequest generation;  // without its prompt
  std::optional<uint64_t> seed;
};

std::span<const Field<InferRequest>> infer_fields();

// kNotFound when there is no sentence.
Result<InferRequest> parse_infer_request(const HttpRequest& request,
                                         const SamplingParams& defaults);

}  // namespace puna

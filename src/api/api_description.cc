// Routes and requests, each a line; then the two documents' common parts.

#include "api/api_description.h"

#include "api/infer_request.h"
#include "api/openai_fields.h"
#include "api/token_routes.h"

namespace puna {
namespace {

constexpr DescribedRoute kRoutes[] = {
    {.method = "post",
     .path = "/v1/chat/completions",
     .summary = "An answer to a conversation",
     .needs_key = true,
     .request = "ChatCompletionRequest",
     .response = "ChatCompletion",
     .events = "ChatCompletionChunk"},
    {.method = "post",
     .path = "/v1/completions",
     .summary = "The continuation of a text",
     .needs_key = true,
     .request = "CompletionRequest",
     .response = "Completion",
     .events = "Completion"},
    {.method = "get",
     .path = "/v1/models",
     .summary = "What is served, one entry for each name",
     .needs_key = true,
     .response = "ModelList"},
    {.method = "get",
     .path = "/v1/models/{model}",
     .summary = "One served name",
     .needs_key = true,
     .response = "Model"},
    {.method = "get",
     .path = "/infer",
     .summary = "A sentence in, a list of one text out; the fields are the query's",
     .needs_key = true,
     .response = "InferResponse"},
    {.method = "post",
     .path = "/infer",
     .summary = "The same with a JSON body",
     .needs_key = true,
     .request = "InferRequest",
     .response = "InferResponse"},
    {.method = "post",
     .path = "/tokenize",
     .summary = "Text or a conversation to token ids",
     .needs_key = true,
     .request = "TokenizeRequest",
     .response = "TokenizeResponse"},
    {.method = "post",
     .path = "/detokenize",
     .summary = "Token ids to text",
     .needs_key = true,
     .request = "DetokenizeRequest",
     .response = "DetokenizeResponse"},
    {.method = "get",
     .path = "/health",
     .summary = "200 while the process can answer",
     .response = "ServerStatus"},
    {.method = "get",
     .path = "/ready",
     .summary = "200 when answers are given",
     .response = "ServerStatus"},
    {.method = "get",
     .path = "/version",
     .summary = "The version of the server",
     .response = "Version"},
    {.method = "get",
     .path = "/metrics",
     .summary = "Prometheus' text format 0.0.4",
     .needs_key = true,
     .media_type = "text/plain"},
    {.method = "get",
     .path = "/page-config.json",
     .summary = "What the chat page shows",
     .needs_key = true,
     .response = "PageConfig"},
    {.method = "get",
     .path = "/openapi.json",
     .summary = "This description as OpenAPI 3.1",
     .response = "OpenApiDocument"},
    {.method = "get",
     .path = "/docs",
     .summary = "This description as a page",
     .media_type = "text/html"},
};

}  // namespace

std::span<const DescribedRoute> described_routes() { return kRoutes; }

std::span<const DescribedRequest> described_requests() {
  static const DescribedRequest requests[] = {
      {"ChatCompletionRequest", specs_of(chat_fields()), true},
      {"CompletionRequest", specs_of(completion_fields()), true},
      {"StreamOptions", specs_of(stream_options_fields())},
      {"InferRequest", specs_of(infer_fields())},
      {"TokenizeRequest", specs_of(tokenize_fields())},
      {"DetokenizeRequest", specs_of(detokenize_fields())},
  };
  return requests;
}

}  // namespace puna

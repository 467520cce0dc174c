// A query has only text: numbers and booleans in it are read as JSON would read them.

#include "api/infer_request.h"

#include "api/openai_request.h"
#include "api/request_fields.h"
#include "base/random_seed.h"
#include "base/utf8.h"

namespace puna {
namespace {

Result<Json> fields_of_query(const HttpRequest& request) {
  Json fields = Json::object();
  for (const auto& [name, text] : query_of(request)) {
    if (!is_valid_utf8(name) || !is_valid_utf8(text)) {
      return invalid_argument("the query is not valid UTF-8; send %-escaped UTF-8");
    }
    const auto value = name == "sentence" ? Result<Json>(Json(text)) : parse_json(text);
    fields[name] = value.ok() ? *value : Json(text);
  }
  return fields;
}

}  // namespace

Result<InferRequest> parse_infer_request(const HttpRequest& request,
                                         const SamplingParams& defaults) {
  const bool has_body = request.method == "POST" && !request.body.empty();
  ASSIGN_OR_RETURN(const Json json, has_body ? parse_body(request.body) : fields_of_query(request));
  const RequestFields fields(json);
  if (fields.find("sentence") == nullptr) {
    return error(StatusCode::kNotFound,
                 "sentence is missing; ask with /infer?sentence=… or {{\"sentence\": \"…\"}}");
  }
  InferRequest parsed;
  GenerationRequest& generation = parsed.generation;
  generation.sampling = defaults;
  RETURN_IF_ERROR(fields.read("sentence", parsed.sentence));
  RETURN_IF_ERROR(fields.read("echo", parsed.echo));
  RETURN_IF_ERROR(fields.read("temperature", generation.sampling.temperature));
  RETURN_IF_ERROR(fields.read("top_k", generation.sampling.top_k));
  RETURN_IF_ERROR(fields.read("top_p", generation.sampling.top_p));
  generation.max_tokens_given = fields.find("max_tokens") != nullptr;
  RETURN_IF_ERROR(fields.read("max_tokens", generation.sampling.max_tokens));
  std::optional<uint64_t> seed;
  RETURN_IF_ERROR(fields.read_seed("seed", seed));
  generation.sampling.seed = seed.value_or(random_seed());
  return parsed;
}

}  // namespace puna

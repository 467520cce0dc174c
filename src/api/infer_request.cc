// A query has only text: numbers and booleans in it are read as JSON would read them.

#include "api/infer_request.h"

#include "api/field_policy.h"
#include "api/openai_request.h"
#include "base/random_seed.h"
#include "base/utf8.h"

namespace puna {
namespace {

template <auto Member>
Status sampling(const Json& value, InferRequest& request) {
  return kStoreIn<Member>(value, request.generation.sampling);
}

Status store_max_tokens(const Json& value, InferRequest& request) {
  request.generation.max_tokens_given = true;
  return sampling<&SamplingParams::max_tokens>(value, request);
}

Status store_timeout(const Json& value, InferRequest& request) {
  return kStoreIn<&GenerationRequest::timeout_seconds>(value, request.generation);
}

constexpr Field<InferRequest> kFields[] = {
    {{"sentence", field::text(), "what to answer", true}, kStoreIn<&InferRequest::sentence>},
    {{"echo", field::boolean(), "the sentence comes before the answer (true)"},
     kStoreIn<&InferRequest::echo>},
    {{"temperature", field::number(0, 2), "0 is greedy (the model's own, else 1)"},
     sampling<&SamplingParams::temperature>},
    {{"top_k", field::integer(-1),
      "so many likeliest tokens; 0 and -1: all (the model's own, else 50)"},
     sampling<&SamplingParams::top_k>},
    {{"top_p",
      {.kind = FieldKind::kNumber, .minimum = 0, .maximum = 1, .above_minimum = true},
      "the likeliest tokens that together have this probability (the model's own, else 1)"},
     sampling<&SamplingParams::top_p>},
    {{"max_tokens", field::integer(1), "tokens of the answer (up to the model's length)"},
     store_max_tokens},
    {{"timeout", field::seconds(),
      "seconds after which the answer ends with what there is of it (none)"},
     store_timeout},
    {{"seed", field::other(kSeedSchema), "the same seed gives the same text; -1 is drawn (drawn)"},
     [](const Json& value, InferRequest& request) { return read_seed(value, request.seed); }},
};

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

std::span<const Field<InferRequest>> infer_fields() { return kFields; }

Result<InferRequest> parse_infer_request(const HttpRequest& request,
                                         const SamplingParams& defaults) {
  const bool has_body = request.method == "POST" && !request.body.empty();
  ASSIGN_OR_RETURN(const Json json, has_body ? parse_body(request.body) : fields_of_query(request));
  if (find_field(json, "sentence") == nullptr) {
    return error(StatusCode::kNotFound,
                 "sentence is missing; ask with /infer?sentence=… or {{\"sentence\": \"…\"}}");
  }
  RETURN_IF_ERROR(refuse_unknown_fields(json, names_of(infer_fields()), ""));
  InferRequest parsed;
  parsed.generation.sampling = defaults;
  RETURN_IF_ERROR(read_fields(json, infer_fields(), parsed));
  parsed.generation.sampling.seed = parsed.seed.value_or(random_seed());
  return parsed;
}

}  // namespace puna

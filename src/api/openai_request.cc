// Fields one by one are the tables' (openai_fields.cc); here is what they mean together.

#include "api/openai_request.h"

#include <algorithm>

#include "api/field_policy.h"
#include "api/openai_fields.h"
#include "base/random_seed.h"

namespace puna {
namespace {

constexpr int kCompletionMaxTokens = 16;  // OpenAI's default for /v1/completions

// An unknown model is told before anything else: the client has the wrong server.
Status check_model(const Json& body, const RequestContext& context) {
  const Json* model = find_field(body, "model");
  if (model == nullptr) return {};
  RETURN_IF_ERROR(check_field("model", field::text(), *model));
  return check_model_name(model->get_ref<const std::string&>(), context.models);
}

Status check_names(const Json& body, std::span<const Field<RequestDraft>> fields) {
  RETURN_IF_ERROR(refuse_other_fields(body, names_of(fields)));
  for (const auto& one : fields) {
    if (one.spec.required && find_field(body, one.spec.name) == nullptr) {
      return invalid_field(one.spec.name, "is missing");
    }
  }
  return {};
}

Status join_streaming(const Json& body, RequestDraft& draft) {
  const OpenAiRequest& request = draft.request;
  if (find_field(body, "stream_options") != nullptr && !request.stream) {
    return invalid_field("stream_options", "needs \"stream\": true");
  }
  if (request.stream && request.extras.prompt_logprobs) {
    return invalid_field("prompt_logprobs", "is not given in streams; leave out \"stream\"");
  }
  return {};
}

Status join_lengths(RequestDraft& draft, bool may_be_zero) {
  SamplingParams& sampling = draft.generation.sampling;
  if (draft.max_tokens) {
    if (*draft.max_tokens == 0 && !may_be_zero) {
      return invalid_field(draft.max_tokens_name, "is 0, and must be at least 1{}",
                           draft.prompts.empty() ? "" : " without echo");
    }
    sampling.max_tokens = *draft.max_tokens;
    draft.generation.max_tokens_given = true;
  }
  if (draft.best_of && *draft.best_of != draft.request.choice_count) {
    return invalid_field("best_of", "is not supported beyond n; leave the field out");
  }
  return {};
}

Result<RequestDraft> read_draft(const Json& body, std::span<const Field<RequestDraft>> fields,
                                const RequestContext& context) {
  RETURN_IF_ERROR(check_model(body, context));
  RETURN_IF_ERROR(check_names(body, fields));
  RequestDraft draft;
  draft.generation.sampling = context.sampling;
  RETURN_IF_ERROR(read_fields(body, fields, draft));
  RETURN_IF_ERROR(join_streaming(body, draft));
  draft.generation.sampling.seed = draft.seed.value_or(random_seed());
  return draft;
}

Status join_rendering(RequestDraft& draft) {
  if (draft.generation.truncate_prompt_tokens &&
      draft.generation.chat.truncation == Truncation::kDropOldestTurns) {
    return invalid_field("truncation",
                         "and truncate_prompt_tokens both shorten the prompt; leave one out");
  }
  ChatRendering& chat = draft.generation.chat;
  if (chat.continue_final_message && draft.add_generation_prompt.value_or(false)) {
    return invalid_field("continue_final_message",
                         "and add_generation_prompt cannot both be true: either the last message "
                         "goes on or a new one begins");
  }
  chat.add_generation_prompt = draft.add_generation_prompt.value_or(!chat.continue_final_message);
  return {};
}

}  // namespace

Status check_model_name(std::string_view asked, std::span<const std::string> served) {
  const bool known = asked.empty() || served.empty() ||
                     std::find(served.begin(), served.end(), asked) != served.end();
  if (known) return {};
  return error(StatusCode::kNotFound, "the model {} does not exist; this server serves {}",
               asked.substr(0, 128), fmt::join(served, ", "));
}

// Four prompts of 128 Ki token ids; what they take as a document stays below 100 MB.
constexpr size_t kBodyValuesMax = size_t{1} << 19;

Result<Json> parse_body(std::string_view body) {
  if (body.empty()) return invalid_argument("the body is empty; send a JSON object");
  auto json = parse_json(body, {.values_max = kBodyValuesMax});
  if (!json.ok()) return json.status().with_context("the body cannot be read");
  if (!json->is_object()) {
    return invalid_argument("the body must be a JSON object, not {}", type_of(*json));
  }
  return json;
}

Result<OpenAiRequest> parse_chat_request(std::string_view body, const RequestContext& context) {
  ASSIGN_OR_RETURN(const Json json, parse_body(body));
  ASSIGN_OR_RETURN(RequestDraft draft, read_draft(json, chat_fields(), context));
  RETURN_IF_ERROR(join_lengths(draft, /*may_be_zero=*/false));
  RETURN_IF_ERROR(join_rendering(draft));
  if (draft.top_logprobs != 0 && !draft.request.extras.logprobs) {
    return invalid_field("top_logprobs", "needs \"logprobs\": true");
  }
  if (draft.request.extras.logprobs) draft.generation.sampling.logprobs = draft.top_logprobs;
  draft.request.prompts.push_back(std::move(draft.generation));
  return std::move(draft.request);
}

Result<OpenAiRequest> parse_completion_request(std::string_view body,
                                               const RequestContext& context) {
  ASSIGN_OR_RETURN(const Json json, parse_body(body));
  ASSIGN_OR_RETURN(RequestDraft draft, read_draft(json, completion_fields(), context));
  OpenAiRequest& request = draft.request;
  GenerationRequest& generation = draft.generation;
  if (!draft.max_tokens) generation.sampling.max_tokens = kCompletionMaxTokens;
  RETURN_IF_ERROR(join_lengths(draft, /*may_be_zero=*/request.echo));
  generation.max_tokens_given = true;
  if (request.echo && request.extras.logprobs && !generation.sampling.prompt_logprobs) {
    generation.sampling.prompt_logprobs = generation.sampling.logprobs;
  }
  const auto choices = static_cast<size_t>(request.choice_count);
  if (draft.prompts.size() * choices > kAnswersMax) {
    return invalid_field("n", "is {} for {} prompts, and at most {} answers are given at once",
                         choices, draft.prompts.size(), kAnswersMax);
  }
  for (GenerationRequest::Prompt& prompt : draft.prompts) {
    generation.prompt = std::move(prompt);
    request.prompts.push_back(generation);
  }
  return std::move(request);
}

}  // namespace puna

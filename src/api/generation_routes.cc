// The routes that generate: /v1/chat/completions, /v1/completions and /infer.

#include <fmt/format.h>

#include <ctime>

#include "api/infer_route.h"
#include "api/openai_answer.h"
#include "api/openai_request.h"
#include "api/routes.h"
#include "base/random_seed.h"

namespace puna {
namespace {

HttpReply refusal(const Status& status, const Generator& generator) {
  return to_reply(to_api_error(status, generator.retry_after_seconds()));
}

std::optional<HttpReply> refuse_model(const std::optional<std::string>& model,
                                      const Generator& generator) {
  if (!model || *model == generator.model().name) return std::nullopt;
  ApiError error;
  error.status = 404;
  error.message = fmt::format("the model {} does not exist; this server serves {}", *model,
                              generator.model().name);
  error.param = "model";
  error.code = "model_not_found";
  return to_reply(error);
}

// Every prompt `choice_count` times, with a seed of its own for each.
Result<std::vector<std::unique_ptr<GenerationStream>>> start_all(Generator& generator,
                                                                 const OpenAiRequest& request) {
  std::vector<std::unique_ptr<GenerationStream>> streams;
  for (const GenerationRequest& prompt : request.prompts) {
    GenerationRequest choice = prompt;
    for (int i = 0; i < request.choice_count; ++i) {
      ASSIGN_OR_RETURN(auto stream, generator.start(choice));
      streams.push_back(std::move(stream));
      ++choice.sampling.seed;
    }
  }
  return streams;
}

// The text that "echo" puts before an answer.
Result<std::string> prompt_text(const GenerationRequest& request, const Generator& generator) {
  if (const auto* text = std::get_if<std::string>(&request.prompt)) return *text;
  return generator.detokenize(std::get<TokenIds>(request.prompt));
}

OpenAiAnswerOptions answer_options(const OpenAiRequest& request, const Generator& generator,
                                   const char* id_prefix) {
  OpenAiAnswerOptions options;
  options.id = fmt::format("{}-{:016x}", id_prefix, random_seed());
  options.model = generator.model().name;
  options.created = static_cast<int64_t>(std::time(nullptr));
  options.choice_count = static_cast<size_t>(request.choice_count);
  options.include_usage = request.include_usage;
  options.logprobs = request.logprobs;
  options.echoed.resize(request.prompts.size() * options.choice_count);
  return options;
}

}  // namespace

RouteOutcome Routes::chat_completions(const HttpRequest& request) {
  GenerationJob job;
  job.generator = generator();
  const auto parsed = parse_chat_request(request.body, job.generator->default_sampling());
  if (!parsed.ok()) return refusal(parsed.status(), *job.generator);
  if (auto refused = refuse_model(parsed->model, *job.generator)) return *refused;
  auto streams = start_all(*job.generator, *parsed);
  if (!streams.ok()) return refusal(streams.status(), *job.generator);
  job.streams = std::move(streams).value();
  job.stream = parsed->stream;
  job.answer = make_chat_answer(answer_options(*parsed, *job.generator, "chatcmpl"));
  return job;
}

RouteOutcome Routes::completions(const HttpRequest& request) {
  GenerationJob job;
  job.generator = generator();
  const auto parsed = parse_completion_request(request.body, job.generator->default_sampling());
  if (!parsed.ok()) return refusal(parsed.status(), *job.generator);
  if (auto refused = refuse_model(parsed->model, *job.generator)) return *refused;
  auto streams = start_all(*job.generator, *parsed);
  if (!streams.ok()) return refusal(streams.status(), *job.generator);
  job.streams = std::move(streams).value();
  job.stream = parsed->stream;
  OpenAiAnswerOptions options = answer_options(*parsed, *job.generator, "cmpl");
  for (size_t i = 0; parsed->echo && i < options.echoed.size(); ++i) {
    auto text = prompt_text(parsed->prompts[i / options.choice_count], *job.generator);
    if (!text.ok()) return refusal(text.status(), *job.generator);
    options.echoed[i] = std::move(text).value();
  }
  job.answer = make_completion_answer(std::move(options));
  return job;
}

RouteOutcome Routes::infer(const HttpRequest& request) {
  GenerationJob job;
  job.generator = generator();
  const auto parsed =
      parse_infer_request(request, job.generator->default_sampling(), options_.page.system_prompt,
                          job.generator->has_chat_template());
  if (!parsed.ok()) {
    ApiError error = to_api_error(parsed.status(), 1);
    if (parsed.status().code() == StatusCode::kNotFound) {
      error = bad_request(parsed.status().message(), "sentence");
      error.status = 422;
    }
    return to_reply(error);
  }
  auto stream = job.generator->start(parsed->generation);
  if (!stream.ok()) return refusal(stream.status(), *job.generator);
  job.streams.push_back(std::move(stream).value());
  job.answer = make_infer_answer(*parsed);
  return job;
}

}  // namespace puna

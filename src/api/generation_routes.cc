// JSON to requests, requests to answers; each failure with its status.

#include "api/generation_routes.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <utility>

#include "api/error_response.h"
#include "api/infer_request.h"
#include "api/metered_answer.h"
#include "api/openai_answer.h"
#include "api/openai_request.h"
#include "api/text_work.h"
#include "generate/service_rate.h"

namespace puna {
namespace {

RequestContext request_context(const GenerationContext& context) {
  return {.sampling = context.generator->default_sampling(),
          .models = context.generator->model().names};
}

HttpReply failure(const GenerationContext& context, const Status& status) {
  if (status.code() == StatusCode::kNotFound) return to_reply(unknown_model(status.message()));
  return to_reply(to_api_error(status, context.generator->retry_after_seconds()));
}

// Why a request is not begun that wants to be answered sooner than it can, or nothing.
std::optional<ApiError> too_late(const GenerationContext& context, const RequestOrigin& origin,
                                 int own_places) {
  if (!origin.deadline) return std::nullopt;
  const std::chrono::duration<double> left = *origin.deadline - context.clock.now();
  const double wait = context.generator->expected_wait_seconds(own_places);
  if (wait < left.count()) return std::nullopt;
  ApiError refused = bad_request(
      fmt::format("the answer would begin in about {:.0f} s, and the request gives it {:.1f} s "
                  "(X-Request-Timeout, timeout); give it more, or try again later",
                  std::ceil(wait), std::max(left.count(), 0.0)));
  refused.status = 503;
  refused.type = "overloaded_error";
  refused.code = "deadline_too_soon";
  const double excess = std::min<double>(wait - left.count(), kRetryAfterSecondsMax);
  refused.retry_after_seconds = std::max(1, static_cast<int>(std::ceil(excess)));
  return refused;
}

// What a request has while it is being read.
struct Reading {
  Admission admission;
  RequestOrigin origin;
  std::shared_ptr<KeyMeter::Ticket> ticket;
  const std::atomic<bool>* abandoned = nullptr;
};

using Read = HttpOutcome (*)(const GenerationContext& context, const HttpRequest& request,
                             Reading& reading);

HttpOutcome admit_and_read(const GenerationContext& context, HttpRequest request, Read read) {
  if (const auto refused = too_late(context, request.origin, 0)) return to_reply(*refused);
  auto reading = std::make_shared<Reading>();
  if (const Status refused = context.generator->admit(1, reading->admission); !refused.ok()) {
    return failure(context, refused);
  }
  const size_t bytes = request.target.size() + request.body.size();
  return on_text_pool(
      context.text_pool, bytes, context.generator->retry_after_seconds(),
      [context, request = std::move(request), reading, read](const std::atomic<bool>& abandoned) {
        reading->abandoned = &abandoned;
        reading->origin = request.origin;
        reading->ticket = ticket_of(request);
        return read(context, request, *reading);
      });
}

HttpOutcome start(const GenerationContext& context, std::vector<GenerationRequest> prompts,
                  std::unique_ptr<AnswerFormat> format, AnswerOptions options, Reading& reading) {
  options.ticket = reading.ticket;
  std::optional<ApiError> refusal;
  if (const auto timeout = prompts.front().timeout_seconds) {
    const Clock::Time deadline = after(reading.origin.arrived, *timeout);
    reading.origin.deadline = std::min(deadline, reading.origin.deadline.value_or(deadline));
  }
  if (const auto late = too_late(context, reading.origin, reading.admission.places())) {
    return to_reply(*late);
  }
  for (GenerationRequest& prompt : prompts) prompt.origin = reading.origin;
  auto answer = Answer::start(context.generator, std::move(prompts), std::move(format), options,
                              context.metrics, reading.admission, *reading.abandoned, refusal);
  if (refusal) return to_reply(*refusal);
  if (!answer.ok()) return failure(context, answer.status());
  return std::unique_ptr<ReplyStream>(std::move(answer).value());
}

AnswerOptions options_of(const OpenAiRequest& request) {
  return {.choice_count = request.choice_count,
          .stream = request.stream,
          .include_usage = request.extras.include_usage,
          .echo = request.echo};
}

HttpOutcome read_openai(const GenerationContext& context, Result<OpenAiRequest> parsed,
                        decltype(&chat_format) format_of, const char* id_prefix, Reading& reading) {
  if (!parsed.ok()) return failure(context, parsed.status());
  auto format = format_of(new_identity(id_prefix, context.generator->model().name), parsed->extras);
  const AnswerOptions options = options_of(*parsed);
  return start(context, std::move(parsed->prompts), std::move(format), options, reading);
}

HttpOutcome read_chat(const GenerationContext& context, const HttpRequest& request,
                      Reading& reading) {
  return read_openai(context, parse_chat_request(request.body, request_context(context)),
                     chat_format, "chatcmpl", reading);
}

HttpOutcome read_completion(const GenerationContext& context, const HttpRequest& request,
                            Reading& reading) {
  return read_openai(context, parse_completion_request(request.body, request_context(context)),
                     completion_format, "cmpl", reading);
}

HttpOutcome read_infer(const GenerationContext& context, const HttpRequest& request,
                       Reading& reading) {
  const auto parsed = parse_infer_request(request, context.generator->default_sampling());
  if (!parsed.ok()) {
    ApiError error = to_api_error(parsed.status(), 0);
    // FastAPI's status for a missing parameter, which the seed system answers with.
    if (parsed.status().code() == StatusCode::kNotFound) {
      error = bad_request(parsed.status().message(), "sentence");
      error.status = 422;
      error.code = "missing";
    }
    return to_reply(error);
  }
  GenerationRequest generation = parsed->generation;
  generation.prompt_field = "sentence";
  const bool chat = context.generator->model().has_chat_template;
  if (chat) {
    ChatMessages messages;
    if (!context.system_prompt.empty()) messages.push_back({"system", context.system_prompt});
    messages.push_back({"user", parsed->sentence});
    generation.prompt = std::move(messages);
  } else {
    generation.prompt = parsed->sentence;
  }
  const std::string prefix =
      parsed->echo ? fmt::format("{}{}", parsed->sentence, chat ? "\n" : "") : std::string();
  return start(context, {std::move(generation)}, infer_format(prefix), {}, reading);
}

}  // namespace

HttpOutcome answer_chat(const GenerationContext& context, HttpRequest request) {
  return admit_and_read(context, std::move(request), read_chat);
}

HttpOutcome answer_completion(const GenerationContext& context, HttpRequest request) {
  return admit_and_read(context, std::move(request), read_completion);
}

HttpOutcome answer_infer(const GenerationContext& context, HttpRequest request) {
  return admit_and_read(context, std::move(request), read_infer);
}

}  // namespace puna

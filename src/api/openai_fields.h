// The fields of /v1/chat/completions and /v1/completions that are obeyed.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "api/openai_request.h"
#include "api/request_fields.h"

namespace puna {

// A request while its fields are read: what they say, each for itself.
struct RequestDraft {
  OpenAiRequest request;
  GenerationRequest generation;
  std::string model;
  std::optional<uint64_t> seed;
  std::optional<int> max_tokens;
  std::string max_tokens_name;  // the field it came from
  std::optional<int> best_of;
  int top_logprobs = 0;
  std::optional<bool> add_generation_prompt;
  std::vector<GenerationRequest::Prompt> prompts;
};

std::span<const Field<RequestDraft>> chat_fields();
std::span<const Field<RequestDraft>> completion_fields();
std::span<const Field<AnswerExtras>> stream_options_fields();

}  // namespace puna

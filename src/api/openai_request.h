// Requests of /v1/chat/completions and /v1/completions: JSON to plain data, by the tables of
// openai_fields.h.
//
// Every field is obeyed, refused by name (kInvalidArgument, the field first), or one of the few
// that cannot matter (field_policy.h).
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "generate/generation_request.h"

namespace puna {

inline constexpr int kChoicesMax = 128;
inline constexpr size_t kPromptsMax = 256;
inline constexpr size_t kAnswersMax = 256;  // prompts times choices

// What an answer shows besides its text.
struct AnswerExtras {
  bool logprobs = false;
  bool prompt_logprobs = false;   // vLLM's list of the prompt's tokens
  bool token_ids = false;         // "return_token_ids"
  bool tokens_as_ids = false;     // "return_tokens_as_token_ids": "token_id:5" in logprobs
  bool include_usage = false;     // streams: a last event with the usage
  bool continuous_usage = false;  // streams: the usage so far in every event
};

struct OpenAiRequest {
  std::vector<GenerationRequest> prompts;  // one for chat; each is answered `choice_count` times
  int choice_count = 1;
  bool stream = false;
  bool echo = false;  // completions: the prompt comes before the answer
  AnswerExtras extras;
};

// What the server brings to a request.
struct RequestContext {
  SamplingParams sampling = {};              // for what the request leaves out; a seed is drawn
  std::span<const std::string> models = {};  // names that may be asked for; none: any
};

// kNotFound: a model that is not served.
Result<OpenAiRequest> parse_chat_request(std::string_view body, const RequestContext& context);
Result<OpenAiRequest> parse_completion_request(std::string_view body,
                                               const RequestContext& context);

// kNotFound says what is served instead. No names: any.
Status check_model_name(std::string_view asked, std::span<const std::string> served);

// A JSON object, or kInvalidArgument that says what the body is instead.
Result<Json> parse_body(std::string_view body);

}  // namespace puna

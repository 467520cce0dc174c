// Requests of /v1/chat/completions, /v1/completions and /tokenize: JSON to plain data.
//
// Wrong types and values are kInvalidArgument with the field first; what Puna cannot do is refused
// by name and never ignored. Fields nobody knows are ignored, as vLLM does.
#pragma once

#include <optional>
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
inline constexpr size_t kMessagesMax = 4096;

struct OpenAiRequest {
  std::optional<std::string> model;
  std::vector<GenerationRequest> prompts;  // one for chat; each is answered `choice_count` times
  int choice_count = 1;
  bool stream = false;
  bool include_usage = false;
  bool echo = false;  // completions: the prompt comes before the answer
  bool logprobs = false;
};

// `defaults` fill what the request leaves out; a seed is drawn when it has none.
Result<OpenAiRequest> parse_chat_request(std::string_view body, const SamplingParams& defaults);
Result<OpenAiRequest> parse_completion_request(std::string_view body,
                                               const SamplingParams& defaults);

Result<ChatMessages> parse_messages(const Json& messages);
// A JSON object, or kInvalidArgument that says what the body is instead.
Result<Json> parse_body(std::string_view body);

}  // namespace puna

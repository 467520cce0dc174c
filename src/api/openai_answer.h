// Answers of /v1/chat/completions and /v1/completions, in OpenAI's exact shapes.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "api/answer.h"
#include "api/openai_request.h"

namespace puna {

struct OpenAiAnswerOptions {
  std::string id;  // "chatcmpl-…" or "cmpl-…"
  std::string model;
  int64_t created = 0;  // seconds since 1970
  size_t choice_count = 1;
  bool include_usage = false;
  bool logprobs = false;
  // Completions with "echo": the text before each choice's answer; else empty.
  std::vector<std::string> echoed;
};

std::unique_ptr<Answer> make_chat_answer(OpenAiAnswerOptions options);
std::unique_ptr<Answer> make_completion_answer(OpenAiAnswerOptions options);

}  // namespace puna

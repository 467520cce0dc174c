// The answers of /v1/chat/completions, /v1/completions and /infer, as OpenAI and the seed spell
// them.
#pragma once

#include <memory>
#include <string>

#include "api/answer.h"
#include "api/openai_request.h"

namespace puna {

// What every event and body of one answer repeats.
struct AnswerIdentity {
  std::string id;  // "chatcmpl-…"
  int64_t created = 0;
  std::string model;
};

AnswerIdentity new_identity(const std::string& prefix, const std::string& model);

std::unique_ptr<AnswerFormat> chat_format(AnswerIdentity identity, const AnswerExtras& extras);
std::unique_ptr<AnswerFormat> completion_format(AnswerIdentity identity,
                                                const AnswerExtras& extras);
// A JSON list of one string: `prefix` and the answer.
std::unique_ptr<AnswerFormat> infer_format(std::string prefix);

}  // namespace puna

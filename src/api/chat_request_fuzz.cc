// Any bytes as the body of /v1/chat/completions, /v1/completions and /tokenize: parsed or refused
// with a message that JSON can carry, never a crash.

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "api/error_response.h"
#include "api/infer_request.h"
#include "api/openai_request.h"
#include "base/check.h"

namespace puna {
namespace {

template <typename T>
void check_refusal(const Result<T>& parsed) {
  if (parsed.ok()) return;
  const std::string body = error_body(to_api_error(parsed.status(), 1));
  CHECK(parse_json(body).ok(), "an error body that is not JSON");
}

void check_limits(const Result<OpenAiRequest>& parsed) {
  check_refusal(parsed);
  if (!parsed.ok()) return;
  CHECK(!parsed->prompts.empty(), "a request without a prompt");
  CHECK(parsed->prompts.size() * static_cast<size_t>(parsed->choice_count) <= kAnswersMax,
        "more answers than the limit");
}

}  // namespace
}  // namespace puna

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  const puna::SamplingParams defaults;
  const puna::RequestContext context;
  puna::check_limits(puna::parse_chat_request(body, context));
  puna::check_limits(puna::parse_completion_request(body, context));
  puna::HttpRequest infer;
  infer.target = "/infer?" + std::string(body);
  puna::check_refusal(puna::parse_infer_request(infer, defaults));
  return 0;
}

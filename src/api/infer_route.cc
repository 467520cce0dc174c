// A model with a chat template is asked as in a chat, or it would continue the question.

#include "api/infer_route.h"

#include "api/openai_request.h"
#include "api/request_fields.h"
#include "base/json.h"
#include "base/random_seed.h"

namespace puna {
namespace {

// A query parameter as the JSON value it would be in a body: numbers and booleans are recognised.
Json value_of(const std::string& name, const std::string& text) {
  if (name == "sentence") return text;
  const auto parsed = parse_json(text);
  return parsed.ok() && (parsed->is_number() || parsed->is_boolean()) ? *parsed : Json(text);
}

Result<Json> parameters_of(const HttpRequest& request) {
  Json parameters = Json::object();
  if (!request.body.empty()) {
    ASSIGN_OR_RETURN(parameters, parse_body(request.body));
  }
  for (const auto& [name, text] : query_of(request)) parameters[name] = value_of(name, text);
  return parameters;
}

class InferAnswer final : public Answer {
 public:
  explicit InferAnswer(std::string text) : text_(std::move(text)) {}
  void add(size_t, const GenerationChunk& chunk, const GenerationStream&) override {
    text_ += chunk.text;
  }
  std::string take_events() override { return ""; }
  std::string last_events() override { return ""; }
  HttpReply reply() override {
    HttpReply reply;
    reply.body = dump_json(Json::array({text_}));
    return reply;
  }

 private:
  std::string text_;
};

}  // namespace

Result<InferRequest> parse_infer_request(const HttpRequest& request, const SamplingParams& defaults,
                                         const std::string& system_prompt, bool has_chat_template) {
  ASSIGN_OR_RETURN(const Json parameters, parameters_of(request));
  const RequestFields fields(parameters);
  if (fields.find("sentence") == nullptr) {
    return error(StatusCode::kNotFound, "sentence is missing: /infer?sentence=Hello");
  }
  InferRequest infer;
  RETURN_IF_ERROR(fields.read("sentence", infer.sentence));
  RETURN_IF_ERROR(fields.read("echo", infer.echo));
  SamplingParams& sampling = infer.generation.sampling;
  sampling = defaults;
  RETURN_IF_ERROR(fields.read("temperature", sampling.temperature));
  std::optional<uint64_t> seed;
  RETURN_IF_ERROR(fields.read_seed("seed", seed));
  sampling.seed = seed.value_or(random_seed());
  if (fields.find("max_tokens") != nullptr) {
    RETURN_IF_ERROR(fields.read("max_tokens", sampling.max_tokens));
    infer.generation.max_tokens_given = true;
  }
  if (!has_chat_template) {
    infer.generation.prompt = infer.sentence;
    return infer;
  }
  ChatMessages messages;
  if (!system_prompt.empty()) messages.push_back({"system", system_prompt});
  messages.push_back({"user", infer.sentence});
  infer.generation.prompt = std::move(messages);
  return infer;
}

std::unique_ptr<Answer> make_infer_answer(const InferRequest& request) {
  return std::make_unique<InferAnswer>(request.echo ? request.sentence + "\n" : "");
}

}  // namespace puna

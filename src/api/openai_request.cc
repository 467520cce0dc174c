// Ranges are checked by validate(SamplingParams); here it is types, shapes and what is unsupported.

#include "api/openai_request.h"

#include "api/request_fields.h"
#include "base/random_seed.h"

namespace puna {
namespace {

constexpr int kCompletionMaxTokens = 16;  // OpenAI's default for /v1/completions

Status refuse_unsupported(const RequestFields& fields) {
  for (const char* name : {"tools", "functions"}) {
    const Json* value = fields.find(name);
    if (value != nullptr && !(value->is_array() && value->empty())) {
      return invalid_argument("{} are not supported; leave the field out", name);
    }
  }
  for (const char* name : {"tool_choice", "function_call"}) {
    const Json* value = fields.find(name);
    if (value != nullptr && *value != "none" && *value != "auto") {
      return invalid_argument("{}: tools are not supported; leave the field out", name);
    }
  }
  const Json* format = fields.find("response_format");
  if (format != nullptr && !(format->is_object() && format->value("type", Json()) == "text")) {
    return invalid_argument("response_format: only {{\"type\": \"text\"}} is supported");
  }
  for (const char* name : {"audio", "guided_json", "guided_regex", "guided_choice",
                           "structured_outputs", "suffix", "web_search_options"}) {
    if (fields.find(name) != nullptr) {
      return invalid_argument("{} is not supported; leave the field out", name);
    }
  }
  const Json* modalities = fields.find("modalities");
  if (modalities != nullptr && *modalities != Json::array({"text"})) {
    return invalid_argument("modalities: only [\"text\"] is supported");
  }
  const Json* best_of = fields.find("best_of");
  const Json* count = fields.find("n");
  if (best_of != nullptr && *best_of != (count == nullptr ? Json(1) : *count)) {
    return invalid_argument("best_of is not supported beyond n; leave the field out");
  }
  return {};
}

Status read_logit_bias(const RequestFields& fields, SamplingParams& sampling) {
  const Json* bias = fields.find("logit_bias");
  if (bias == nullptr) return {};
  if (!bias->is_object()) {
    return invalid_argument("logit_bias must be an object, not {}", type_of(*bias));
  }
  for (const auto& [name, value] : bias->items()) {
    const bool is_id = !name.empty() && name.size() < 10 &&
                       name.find_first_not_of("0123456789") == std::string::npos;
    if (!is_id || !value.is_number()) {
      return invalid_argument("logit_bias must map token ids to numbers; {} does not", name);
    }
    sampling.logit_bias.emplace_back(std::stoi(name), value.get<float>());
  }
  return {};
}

Status read_sampling(const RequestFields& fields, GenerationRequest& request) {
  SamplingParams& sampling = request.sampling;
  RETURN_IF_ERROR(fields.read("temperature", sampling.temperature));
  RETURN_IF_ERROR(fields.read("top_p", sampling.top_p));
  RETURN_IF_ERROR(fields.read("top_k", sampling.top_k));
  RETURN_IF_ERROR(fields.read("min_p", sampling.min_p));
  RETURN_IF_ERROR(fields.read("repetition_penalty", sampling.repetition_penalty));
  RETURN_IF_ERROR(fields.read("presence_penalty", sampling.presence_penalty));
  RETURN_IF_ERROR(fields.read("frequency_penalty", sampling.frequency_penalty));
  RETURN_IF_ERROR(read_logit_bias(fields, sampling));
  std::optional<uint64_t> seed;
  RETURN_IF_ERROR(fields.read_seed("seed", seed));
  sampling.seed = seed.value_or(random_seed());
  for (const char* name : {"max_tokens", "max_completion_tokens"}) {
    if (fields.find(name) == nullptr) continue;
    RETURN_IF_ERROR(fields.read(name, sampling.max_tokens));
    if (sampling.max_tokens < 1) {
      return invalid_argument("{} is {}, and must be at least 1", name, sampling.max_tokens);
    }
    request.max_tokens_given = true;
  }
  RETURN_IF_ERROR(fields.read("min_tokens", sampling.min_tokens));
  RETURN_IF_ERROR(fields.read("ignore_eos", sampling.ignore_eos));
  RETURN_IF_ERROR(fields.read("stop_token_ids", sampling.stop_token_ids));
  RETURN_IF_ERROR(fields.read_strings("stop", request.stop));
  return fields.read("include_stop_str_in_output", request.include_stop_in_output);
}

Status read_common(const RequestFields& fields, OpenAiRequest& request,
                   GenerationRequest& generation) {
  RETURN_IF_ERROR(refuse_unsupported(fields));
  std::string model;
  RETURN_IF_ERROR(fields.read("model", model));
  if (!model.empty()) request.model = model;
  RETURN_IF_ERROR(fields.read("n", request.choice_count));
  if (request.choice_count < 1 || request.choice_count > kChoicesMax) {
    return invalid_argument("n is {}, and goes from 1 to {}", request.choice_count, kChoicesMax);
  }
  RETURN_IF_ERROR(fields.read("stream", request.stream));
  if (const Json* options = fields.find("stream_options"); options != nullptr) {
    if (!options->is_object()) {
      return invalid_argument("stream_options must be an object, not {}", type_of(*options));
    }
    if (!request.stream) return invalid_argument("stream_options needs \"stream\": true");
    RETURN_IF_ERROR(RequestFields(*options).read("include_usage", request.include_usage));
  }
  return read_sampling(fields, generation);
}

// A string, or a list of {"type": "text", "text": …}.
Result<std::string> parse_content(const Json& content, size_t index) {
  if (content.is_string()) return content.get<std::string>();
  if (!content.is_array()) {
    return invalid_argument("messages[{}].content must be a string, not {}", index,
                            type_of(content));
  }
  std::string text;
  for (const Json& part : content) {
    const bool is_text = part.is_object() && part.value("type", Json()) == "text" &&
                         part.contains("text") && part["text"].is_string();
    if (!is_text) {
      return invalid_argument("messages[{}].content: only parts of type text are supported", index);
    }
    text += part["text"].get<std::string>();
  }
  return text;
}

Result<ChatMessage> parse_message(const Json& json, size_t index) {
  if (!json.is_object()) {
    return invalid_argument("messages[{}] must be an object, not {}", index, type_of(json));
  }
  const Json role = json.value("role", Json());
  if (role != "system" && role != "developer" && role != "user" && role != "assistant") {
    return invalid_argument("messages[{}].role must be system, user or assistant, not {}", index,
                            role.is_null() ? "absent" : dump_json(role));
  }
  if (json.contains("tool_calls") && !json["tool_calls"].is_null()) {
    return invalid_argument("messages[{}].tool_calls are not supported", index);
  }
  const auto content = json.find("content");
  if (content == json.end() || content->is_null()) {
    return invalid_argument("messages[{}].content is missing", index);
  }
  ChatMessage message;
  // "developer" is OpenAI's newer name of the same role.
  message.role = role == "developer" ? "system" : role.get<std::string>();
  ASSIGN_OR_RETURN(message.content, parse_content(*content, index));
  return message;
}

using Prompt = decltype(GenerationRequest::prompt);

Result<TokenIds> parse_ids(const Json& list) {
  const Json wrapped = {{"prompt", list}};
  TokenIds ids;
  RETURN_IF_ERROR(RequestFields(wrapped).read("prompt", ids));
  return ids;
}

// A string, a list of strings, a list of token ids, or a list of such lists.
Result<std::vector<Prompt>> parse_prompts(const Json* prompt) {
  if (prompt == nullptr) return invalid_argument("prompt is missing");
  std::vector<Prompt> prompts;
  if (prompt->is_string()) {
    prompts.emplace_back(prompt->get<std::string>());
    return prompts;
  }
  if (!prompt->is_array() || prompt->empty()) {
    return invalid_argument(
        "prompt must be a string, a list of strings, or lists of token ids, and not empty");
  }
  if (prompt->front().is_number()) {
    ASSIGN_OR_RETURN(TokenIds ids, parse_ids(*prompt));
    prompts.emplace_back(std::move(ids));
    return prompts;
  }
  if (prompt->size() > kPromptsMax) {
    return invalid_argument("prompt has {} texts, at most {}", prompt->size(), kPromptsMax);
  }
  for (const Json& one : *prompt) {
    if (one.is_string()) {
      prompts.emplace_back(one.get<std::string>());
    } else if (one.is_array()) {
      ASSIGN_OR_RETURN(TokenIds ids, parse_ids(one));
      prompts.emplace_back(std::move(ids));
    } else {
      return invalid_argument("prompt must not mix {} with texts", type_of(one));
    }
  }
  return prompts;
}

}  // namespace

Result<Json> parse_body(std::string_view body) {
  if (body.empty()) return invalid_argument("the body is empty; send a JSON object");
  auto json = parse_json(body);
  if (!json.ok()) return json.status().with_context("the body is not valid JSON");
  if (!json->is_object()) {
    return invalid_argument("the body must be a JSON object, not {}", type_of(*json));
  }
  return json;
}

Result<ChatMessages> parse_messages(const Json& messages) {
  if (!messages.is_array() || messages.empty() || messages.size() > kMessagesMax) {
    return invalid_argument("messages must be a list of 1 to {} messages", kMessagesMax);
  }
  ChatMessages parsed;
  for (size_t i = 0; i < messages.size(); ++i) {
    ASSIGN_OR_RETURN(ChatMessage message, parse_message(messages[i], i));
    parsed.push_back(std::move(message));
  }
  return parsed;
}

Result<OpenAiRequest> parse_chat_request(std::string_view body, const SamplingParams& defaults) {
  ASSIGN_OR_RETURN(const Json json, parse_body(body));
  const RequestFields fields(json);
  OpenAiRequest request;
  GenerationRequest generation;
  generation.sampling = defaults;
  RETURN_IF_ERROR(read_common(fields, request, generation));
  const Json* messages = fields.find("messages");
  if (messages == nullptr) return invalid_argument("messages is missing");
  ASSIGN_OR_RETURN(generation.prompt, parse_messages(*messages));
  RETURN_IF_ERROR(fields.read("logprobs", request.logprobs));
  int top_logprobs = 0;
  RETURN_IF_ERROR(fields.read("top_logprobs", top_logprobs));
  if (top_logprobs != 0 && !request.logprobs) {
    return invalid_argument("top_logprobs needs \"logprobs\": true");
  }
  if (request.logprobs) generation.sampling.logprobs = top_logprobs;
  request.prompts.push_back(std::move(generation));
  return request;
}

Result<OpenAiRequest> parse_completion_request(std::string_view body,
                                               const SamplingParams& defaults) {
  ASSIGN_OR_RETURN(const Json json, parse_body(body));
  const RequestFields fields(json);
  OpenAiRequest request;
  GenerationRequest generation;
  generation.sampling = defaults;
  generation.sampling.max_tokens = kCompletionMaxTokens;
  RETURN_IF_ERROR(read_common(fields, request, generation));
  generation.max_tokens_given = true;
  RETURN_IF_ERROR(fields.read("echo", request.echo));
  if (fields.find("logprobs") != nullptr) {
    int logprobs = 0;
    RETURN_IF_ERROR(fields.read("logprobs", logprobs));
    generation.sampling.logprobs = logprobs;
    generation.sampling.prompt_logprobs = request.echo;
    request.logprobs = true;
  }
  ASSIGN_OR_RETURN(std::vector<Prompt> prompts, parse_prompts(fields.find("prompt")));
  const auto choices = static_cast<size_t>(request.choice_count);
  if (prompts.size() * choices > kAnswersMax) {
    return invalid_argument("n is {} for {} prompts, and at most {} answers are given at once",
                            choices, prompts.size(), kAnswersMax);
  }
  for (Prompt& prompt : prompts) {
    generation.prompt = std::move(prompt);
    request.prompts.push_back(generation);
  }
  return request;
}

}  // namespace puna

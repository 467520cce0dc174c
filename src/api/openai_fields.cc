// Ranges stand here for the message, the document and the page; validate(SamplingParams) has the
// last word.

#include "api/openai_fields.h"

#include <algorithm>
#include <array>

#include "api/chat_messages.h"
#include "api/field_policy.h"

namespace puna {
namespace {

// Members of the draft's parts.
template <auto Member>
Status sampling(const Json& value, RequestDraft& draft) {
  return kStoreIn<Member>(value, draft.generation.sampling);
}
template <auto Member>
Status generation(const Json& value, RequestDraft& draft) {
  return kStoreIn<Member>(value, draft.generation);
}
template <auto Member>
Status request(const Json& value, RequestDraft& draft) {
  return kStoreIn<Member>(value, draft.request);
}
template <auto Member>
Status extras(const Json& value, RequestDraft& draft) {
  return kStoreIn<Member>(value, draft.request.extras);
}
template <auto Member>
Status draft_of(const Json& value, RequestDraft& draft) {
  return kStoreIn<Member>(value, draft);
}

Status store_max_tokens(const Json& value, RequestDraft& draft) {
  draft.max_tokens = value.get<int>();
  draft.max_tokens_name = "max_tokens";
  return {};
}
Status store_max_completion_tokens(const Json& value, RequestDraft& draft) {
  draft.max_tokens = value.get<int>();
  draft.max_tokens_name = "max_completion_tokens";
  return {};
}

Status store_seed(const Json& value, RequestDraft& draft) { return read_seed(value, draft.seed); }

Status store_stop(const Json& value, RequestDraft& draft) {
  draft.generation.stop = texts_of(value);
  return {};
}

Status store_logit_bias(const Json& bias, RequestDraft& draft) {
  if (!bias.is_object()) {
    return invalid_argument(
        "logit_bias must be an object of token ids and numbers, {{\"5\": -100}}, not {}",
        type_of(bias));
  }
  for (const auto& [name, value] : bias.items()) {
    const bool is_id = !name.empty() && name.size() < 10 &&
                       name.find_first_not_of("0123456789") == std::string::npos;
    if (!is_id || !value.is_number()) {
      return invalid_argument("logit_bias must map token ids to numbers; {} does not",
                              name.substr(0, 64));
    }
    draft.generation.sampling.logit_bias.emplace_back(std::stoi(name), value.get<float>());
  }
  return {};
}

Status store_allowed_token_ids(const Json& value, RequestDraft& draft) {
  if (value.empty()) {
    return invalid_argument("allowed_token_ids is empty: no token would be left; leave it out");
  }
  return sampling<&SamplingParams::allowed_token_ids>(value, draft);
}

Status store_truncate(const Json& value, RequestDraft& draft) {
  draft.generation.truncate_prompt_tokens = value.get<int>();
  if (draft.generation.truncate_prompt_tokens != 0) return {};
  return invalid_argument(
      "truncate_prompt_tokens is 0, and must be at least 1, or -1 for as many as fit");
}

Status store_stream_options(const Json& value, RequestDraft& draft) {
  if (!value.is_object()) {
    return invalid_argument("stream_options must be an object, not {}", type_of(value));
  }
  RETURN_IF_ERROR(
      refuse_unknown_fields(value, names_of(stream_options_fields()), "stream_options."));
  return read_fields(value, stream_options_fields(), draft.request.extras, "stream_options.");
}

Status store_response_format(const Json& value, RequestDraft&) {
  const bool is_text = value.is_object() && value.value("type", Json()) == "text";
  if (is_text && value.size() == 1) return {};
  return invalid_argument(
      "response_format: only {{\"type\": \"text\"}} is supported: answers cannot be held to a "
      "grammar or schema");
}

Status store_cache_salt(const Json& value, RequestDraft& draft) {
  const auto& salt = value.get_ref<const std::string&>();
  if (salt.empty()) return invalid_argument("cache_salt is empty; leave the field out");
  if (salt.size() > kCacheSaltBytesMax) {
    return invalid_argument("cache_salt has {} bytes, at most {}", salt.size(), kCacheSaltBytesMax);
  }
  draft.generation.cache_salt = salt;
  return {};
}

Status store_best_of(const Json& value, RequestDraft& draft) {
  draft.best_of = value.get<int>();
  return {};
}

Status store_prompt_logprobs(const Json& value, RequestDraft& draft) {
  draft.request.extras.prompt_logprobs = true;
  draft.generation.sampling.prompt_logprobs = value.get<int>();
  return {};
}

Status store_completion_logprobs(const Json& value, RequestDraft& draft) {
  draft.request.extras.logprobs = true;
  draft.generation.sampling.logprobs = value.get<int>();
  return {};
}

Status store_messages(const Json& value, RequestDraft& draft) {
  ASSIGN_OR_RETURN(draft.generation.prompt, parse_messages(value));
  draft.generation.prompt_field = "messages";
  return {};
}

Status store_truncation(const Json& value, RequestDraft& draft) {
  const bool drops_turns = value == "drop_oldest_turns";
  if (!drops_turns && value != "disabled") {
    return invalid_argument("truncation must be \"disabled\" or \"drop_oldest_turns\"");
  }
  draft.generation.chat.truncation =
      drops_turns ? Truncation::kDropOldestTurns : Truncation::kDisabled;
  return {};
}

Status store_variables(const Json& value, RequestDraft& draft) {
  return store_template_variables(value, draft.generation.chat);
}

Status store_continue(const Json& value, RequestDraft& draft) {
  draft.generation.chat.continue_final_message = value.get<bool>();
  return {};
}

using Prompt = GenerationRequest::Prompt;

Result<Prompt> parse_prompt(const Json& value) {
  if (value.is_string()) return Prompt(value.get<std::string>());
  RETURN_IF_ERROR(check_field("prompt", field::token_ids(), value));
  return Prompt(value.get<TokenIds>());
}

// A string, a list of strings, a list of token ids, or a list of such lists.
Status store_prompt(const Json& value, RequestDraft& draft) {
  const bool is_list = value.is_array() && !value.empty();
  if (!value.is_string() && !is_list) {
    return invalid_argument(
        "prompt must be a string, a list of strings, or lists of token ids, and not empty");
  }
  if (value.is_string() || value.front().is_number()) {
    ASSIGN_OR_RETURN(Prompt prompt, parse_prompt(value));
    draft.prompts.push_back(std::move(prompt));
    return {};
  }
  if (value.size() > kPromptsMax) {
    return invalid_argument("prompt has {} texts, at most {}", value.size(), kPromptsMax);
  }
  for (const Json& one : value) {
    if (!one.is_string() && !one.is_array()) {
      return invalid_argument("prompt must not mix {} with texts", type_of(one));
    }
    ASSIGN_OR_RETURN(Prompt prompt, parse_prompt(one));
    draft.prompts.push_back(std::move(prompt));
  }
  return {};
}

constexpr std::string_view kLogitBiasSchema =
    R"({"type": "object", "maxProperties": 1024,
        "additionalProperties": {"type": "number", "minimum": -100, "maximum": 100}})";
constexpr std::string_view kStreamOptionsSchema =
    R"({"$ref": "#/components/schemas/StreamOptions"})";
constexpr std::string_view kTextFormatSchema =
    R"({"type": "object", "properties": {"type": {"const": "text"}}, "required": ["type"],
        "additionalProperties": false})";
constexpr std::string_view kMessagesSchema =
    R"({"type": "array", "minItems": 1, "maxItems": 4096,
        "items": {"$ref": "#/components/schemas/ChatMessage"}})";
constexpr std::string_view kPromptSchema =
    R"({"anyOf": [{"type": "string"},
        {"type": "array", "minItems": 1, "maxItems": 256, "items": {"type": "string"}},
        {"type": "array", "minItems": 1, "items": {"type": "integer", "minimum": 0}},
        {"type": "array", "minItems": 1, "maxItems": 256,
         "items": {"type": "array", "minItems": 1, "items": {"type": "integer", "minimum": 0}}}]})";

using Draft = RequestDraft;
using RequestField = Field<RequestDraft>;

constexpr RequestField kCommon[] = {
    {{"model", field::text(), "a served name; another is 404 (default: the served one)"},
     draft_of<&Draft::model>},
    {{"n", field::integer(1, kChoicesMax),
      "answers to each prompt; prompts times n: at most 256 (1)"},
     request<&OpenAiRequest::choice_count>},
    {{"stream", field::boolean(), "answer with server-sent events (false)"},
     request<&OpenAiRequest::stream>},
    {{"stream_options", field::other(kStreamOptionsSchema), "only with stream"},
     store_stream_options},
    {{"temperature", field::number(0, 2), "0 is greedy (the model's own, else 1)"},
     sampling<&SamplingParams::temperature>},
    {{"top_p",
      {.kind = FieldKind::kNumber, .minimum = 0, .maximum = 1, .above_minimum = true},
      "the likeliest tokens that together have this probability (the model's own, else 1)"},
     sampling<&SamplingParams::top_p>},
    {{"top_k", field::integer(-1),
      "so many likeliest tokens; 0 and -1: all (the model's own, else 50)"},
     sampling<&SamplingParams::top_k>},
    {{"min_p", field::number(0, 1),
      "tokens of at least this share of the best one's probability (0)"},
     sampling<&SamplingParams::min_p>},
    {{"presence_penalty", field::number(-2, 2), "taken from tokens that are in the answer (0)"},
     sampling<&SamplingParams::presence_penalty>},
    {{"frequency_penalty", field::number(-2, 2),
      "taken for each time a token is in the answer (0)"},
     sampling<&SamplingParams::frequency_penalty>},
    {{"repetition_penalty", field::number_above(0),
      "divides tokens of prompt and answer; 1 is off (the model's own, else 1)"},
     sampling<&SamplingParams::repetition_penalty>},
    {{"logit_bias", field::other(kLogitBiasSchema), "token ids and what is added to them (none)"},
     store_logit_bias},
    {{"allowed_token_ids", field::token_ids(), "the only tokens that may be chosen (all)"},
     store_allowed_token_ids},
    {{"bad_words", field::texts(), "words that the answer must not have: up to 512 (none)"},
     generation<&GenerationRequest::bad_words>},
    {{"seed", field::other(kSeedSchema), "the same seed gives the same text; -1 is drawn (drawn)"},
     store_seed},
    {{"stop", field::text_or_texts(),
      "up to 16 texts of up to 256 bytes that end the answer (none)"},
     store_stop},
    {{"include_stop_str_in_output", field::boolean(), "whether they are part of it (false)"},
     generation<&GenerationRequest::include_stop_in_output>},
    {{"stop_token_ids", field::token_ids(), "up to 1024 tokens that end the answer (none)"},
     sampling<&SamplingParams::stop_token_ids>},
    {{"ignore_eos", field::boolean(), "go on after the model's end token (false)"},
     sampling<&SamplingParams::ignore_eos>},
    {{"min_tokens", field::integer(0), "no end before, up to max_tokens (0)"},
     sampling<&SamplingParams::min_tokens>},
    {{"skip_special_tokens", field::boolean(), "leave control tokens out of the text (true)"},
     generation<&GenerationRequest::skip_special_tokens>},
    {{"truncate_prompt_tokens", field::integer(-1),
      "keep only the prompt's last so many tokens; -1: as many as fit (all)"},
     store_truncate},
    {{"priority", field::integer(-kIntegerMax),
      "the smaller is served first; needs --scheduling-policy priority (0)"},
     generation<&GenerationRequest::priority>},
    {{"timeout", field::seconds(),
      "seconds after which the answer ends with what there is of it (none)"},
     generation<&GenerationRequest::timeout_seconds>},
    {{"cache_salt", field::text(),
      "what was computed of the prompt serves only requests with the same one (none)"},
     store_cache_salt},
    {{"prompt_logprobs", field::integer(0, kTopLogprobsMax),
      "log probabilities of the prompt's tokens and so many others; not in streams (none)"},
     store_prompt_logprobs},
    {{"return_token_ids", field::boolean(), "ids of prompt and answer beside the text (false)"},
     extras<&AnswerExtras::token_ids>},
    {{"return_tokens_as_token_ids", field::boolean(),
      "tokens in logprobs are \"token_id:5\" (false)"},
     extras<&AnswerExtras::tokens_as_ids>},
    {{"response_format", field::other(kTextFormatSchema), "only {\"type\": \"text\"}"},
     store_response_format},
};

constexpr RequestField kChat[] = {
    {{"messages", field::other(kMessagesSchema), "the conversation", true}, store_messages},
    {{"max_tokens", field::integer(0), "tokens of the answer, from 1 (up to the model's length)"},
     store_max_tokens},
    {{"max_completion_tokens", field::integer(0), "the newer name of max_tokens, which it beats"},
     store_max_completion_tokens},
    {{"logprobs", field::boolean(), "log probabilities of the answer's tokens (false)"},
     extras<&AnswerExtras::logprobs>},
    {{"top_logprobs", field::integer(0, kTopLogprobsMax),
      "so many likeliest at each place; needs logprobs (0)"},
     draft_of<&Draft::top_logprobs>},
    {{"add_generation_prompt", field::boolean(), "let the template begin the answer (true)"},
     draft_of<&Draft::add_generation_prompt>},
    {{"continue_final_message", field::boolean(),
      "go on with the last message instead of a new one (false)"},
     store_continue},
    {{"truncation", field::other(R"({"enum": ["disabled", "drop_oldest_turns"]})"),
      "what becomes of a conversation that is too long (the server's --truncation)"},
     store_truncation},
    {{"chat_template_kwargs", field::other(R"({"type": "object"})"),
      "values for variables that the chat template reads (none)"},
     store_variables},
};

constexpr RequestField kCompletion[] = {
    {{"prompt", field::other(kPromptSchema), "text or texts, or token ids", true}, store_prompt},
    {{"max_tokens", field::integer(0), "tokens of the answer; 0 with echo scores the prompt (16)"},
     store_max_tokens},
    {{"echo", field::boolean(),
      "the prompt comes before the answer, scored if logprobs is set (false)"},
     request<&OpenAiRequest::echo>},
    {{"logprobs", field::integer(0, kTopLogprobsMax),
      "log probabilities and so many likeliest (none)"},
     store_completion_logprobs},
    {{"best_of", field::integer(1, kChoicesMax), "only the same as n"}, store_best_of},
    {{"add_special_tokens", field::boolean(), "begin a text with the model's begin token (true)"},
     generation<&GenerationRequest::add_special_tokens>},
};

constexpr Field<AnswerExtras> kStreamOptions[] = {
    {{"include_usage", field::boolean(), "a last event with the usage (false)"},
     kStoreIn<&AnswerExtras::include_usage>},
    {{"continuous_usage_stats", field::boolean(), "the usage so far in every event (false)"},
     kStoreIn<&AnswerExtras::continuous_usage>},
    {{"include_obfuscation", field::boolean(), "there is none; accepted (false)"},
     [](const Json&, AnswerExtras&) { return Status(); }},
};

template <size_t A, size_t B>
std::array<RequestField, A + B> joined(const RequestField (&first)[A],
                                       const RequestField (&second)[B]) {
  std::array<RequestField, A + B> all;
  std::copy(std::begin(second), std::end(second),
            std::copy(std::begin(first), std::end(first), all.begin()));
  return all;
}

}  // namespace

std::span<const RequestField> chat_fields() {
  static const auto fields = joined(kChat, kCommon);
  return fields;
}
std::span<const RequestField> completion_fields() {
  static const auto fields = joined(kCompletion, kCommon);
  return fields;
}
std::span<const Field<AnswerExtras>> stream_options_fields() { return kStreamOptions; }

}  // namespace puna

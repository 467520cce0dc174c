// The names are OpenAI's, vLLM's, llama.cpp's, SGLang's and TGI's; a test goes through the lists of
// all five (api_field_policy_test.cc). What a name begins with catches the ones to come.

#include "api/field_policy.h"

#include <algorithm>

#include "base/suggestion.h"

namespace puna {
namespace {

constexpr IgnoredField kIgnored[] = {
    {"user", "a note on who asks"},
    {"safety_identifier", "a note on who asks"},
    {"metadata", "a note of the client"},
    {"store", "nothing is stored"},
    {"service_tier", "there is one"},
    {"session_id", "a note on who asks"},
    {"request_id", "the header X-Request-Id has it"},
    {"rid", "the header X-Request-Id has it"},
    {"extra_key", "a note of the client"},
    {"custom_labels", "a note of the client"},
    {"parallel_tool_calls", "there are no tools"},
    {"prediction", "a hint for speed"},
    {"prompt_cache_key", "a hint for speed"},
    {"prompt_cache_retention", "a hint for speed"},
    {"prompt_cache_options", "a hint for speed"},
    {"cache_prompt", "a hint for speed"},
    {"n_cache_reuse", "a hint for speed"},
    {"id_slot", "a hint for speed"},
    {"backend_sampling", "a hint for speed"},
    {"speculative.*", "a hint for speed"},
    {"stream_interval", "how text is cut into events"},
    {"sse_ping_interval", "how a stream is kept open"},
    {"timings_per_token", "measures are in /metrics"},
    {"return_progress", "measures are in /metrics"},
    {"verbose", "a wish for the log"},
    {"include_reasoning", "no part of an answer is reasoning"},
    {"separate_reasoning", "no part of an answer is reasoning"},
    {"stream_reasoning", "no part of an answer is reasoning"},
    {"reasoning_format", "no part of an answer is reasoning"},
    {"reasoning_in_content", "no part of an answer is reasoning"},
    {"parse_tool_calls", "there are no tools"},
    {"spaces_between_special_tokens", "no tokenizer here puts any"},
    {"mirostat_tau", "without mirostat it does nothing"},
    {"mirostat_eta", "without mirostat it does nothing"},
    {"dry_base", "without dry_multiplier it does nothing"},
    {"dry_allowed_length", "without dry_multiplier it does nothing"},
    {"dry_penalty_last_n", "without dry_multiplier it does nothing"},
    {"dry_sequence_breakers", "without dry_multiplier it does nothing"},
    {"xtc_threshold", "without xtc_probability it does nothing"},
    {"dynatemp_exponent", "without dynatemp_range it does nothing"},
    {"adaptive_decay", "without adaptive_target it does nothing"},
    {"grammar_lazy", "without grammar it does nothing"},
    {"grammar_triggers", "without grammar it does nothing"},
    {"preserved_tokens", "without grammar it does nothing"},
    {"routed_experts_*", "without return_routed_experts it does nothing"},
    {"return_mm_kwargs", "there are texts only"},
    {"media_io_kwargs", "there are texts only"},
};

constexpr std::string_view kLeaveOut = "is not supported; leave the field out";
constexpr std::string_view kStructured =
    "is not supported: answers cannot be held to a grammar or schema; leave the field out";
constexpr std::string_view kTools = "is not supported: there are no tools; leave the field out";
constexpr std::string_view kTextOnly = "is not supported: texts only; leave the field out";
constexpr std::string_view kSampler =
    "is not supported; sample with temperature, top_k, top_p and min_p";
constexpr std::string_view kThinking =
    "is not supported; what the model's template knows goes into chat_template_kwargs";
constexpr std::string_view kExtras = "is not supported: the answer would lack it";

constexpr std::string_view kChatOnly = "is a field of /v1/chat/completions";
constexpr std::string_view kCompletionOnly = "is a field of /v1/completions";

// Fields of one request stand here for the others.
constexpr RefusedField kRefused[] = {
    {"messages", "[[]]", kChatOnly},
    {"top_logprobs", "[0]", kChatOnly},
    {"max_completion_tokens", "[]", "is a field of /v1/chat/completions; use max_tokens"},
    {"add_generation_prompt", "[true, false]", kChatOnly},
    {"continue_final_message", "[false]", kChatOnly},
    {"chat_template_kwargs", "[{}]", kChatOnly},
    {"chat_format", "[]", kLeaveOut},
    {"prompt", "[]", kCompletionOnly},
    {"echo", "[false]", kCompletionOnly},
    {"best_of", "[1]", kCompletionOnly},
    {"add_special_tokens", "[false]", kCompletionOnly},
    {"tools", "[[]]", kTools},
    {"functions", "[[]]", kTools},
    {"tool_choice", R"(["none", "auto"])", kTools},
    {"function_call", R"(["none", "auto"])", kTools},
    {"tool_prompt", R"([""])", kTools},
    {"modalities", R"([["text"]])", kTextOnly},
    {"audio", "[]", kTextOnly},
    {"mm_processor_kwargs", "[{}]", kTextOnly},
    {"multi_modal_data", "[{}]", kTextOnly},
    {"multimodal_data", "[[]]", kTextOnly},
    {"image*", "[[], {}]", kTextOnly},
    {"video*", "[[], {}]", kTextOnly},
    {"use_audio_in_video", "[false]", kTextOnly},
    {"max_dynamic_patch", "[]", kTextOnly},
    {"min_dynamic_patch", "[]", kTextOnly},
    {"web_search_options", "[]", kLeaveOut},
    {"moderation", "[]", kLeaveOut},
    {"verbosity", R"(["medium"])", "is not supported; say it in the system prompt"},
    {"guided_*", "[]", kStructured},
    {"structured_outputs", "[{}]", kStructured},
    {"structural_tag", "[]", kStructured},
    {"grammar", R"([""])", kStructured},
    {"json_schema", R"([{}, ""])", kStructured},
    {"regex", R"([""])", kStructured},
    {"ebnf", R"([""])", kStructured},
    {"stop_regex", R"(["", []])", "is not supported; use stop"},
    {"no_stop_trim", "[false]", "is not supported; use include_stop_str_in_output"},
    {"suffix", R"([""])", "is not supported: text is only continued"},
    {"input_prefix", R"([""])", "is not supported: text is only continued"},
    {"input_suffix", R"([""])", "is not supported: text is only continued"},
    {"input_extra", "[[]]", "is not supported: text is only continued"},
    {"prompt_embeds", "[]", "is not supported; send text or token ids"},
    {"input_embeds", "[]", "is not supported; send text or token ids"},
    {"input_ids", "[]", "is not supported; send token ids as the prompt of /v1/completions"},
    {"inputs", "[]", "is not supported; use prompt or messages"},
    {"parameters", "[{}]", "is not supported; its fields go to the top"},
    {"options", "[{}]", "is not supported; its fields go to the top"},
    {"extra_body", "[{}]", "is not supported; its fields go to the top"},
    {"documents", "[[]]", "is not supported; put them into a message"},
    {"guideline", R"([""])", "is not supported; put it into a message"},
    {"task", "[]", kThinking},
    {"reasoning", "[{}]", kThinking},
    {"reasoning_*", R"(["none"])", kThinking},
    {"thinking*", "[-1, {}, false]", kThinking},
    {"enable_thinking", "[false]", kThinking},
    {"chat_template", R"([""])", "is not supported; the server's --chat-template sets it"},
    {"lora*", "[[]]", "is not supported; adapters are merged when the server starts"},
    {"adapter*", R"([""])", "is not supported; adapters are merged when the server starts"},
    {"truncation_side", R"(["left"])", "can only be left"},
    {"truncate", "[]", "is not supported; use truncate_prompt_tokens"},
    {"n_keep", "[0]", "is not supported; use truncate_prompt_tokens"},
    {"n_discard", "[0]", "is not supported; use truncate_prompt_tokens"},
    {"n_predict", "[-1]", "is not supported; use max_tokens"},
    {"max_new_tokens", "[]", "is not supported; use max_tokens"},
    {"max_length", "[]", "is not supported; use max_tokens"},
    {"min_new_tokens", "[0]", "is not supported; use min_tokens"},
    {"min_length", "[0]", "is not supported; use min_tokens"},
    {"n_indent", "[0]", kLeaveOut},
    {"t_max_*", "[0, -1]", "is not supported; use max_tokens"},
    {"max_time", "[]", "is not supported; use max_tokens"},
    {"repeat_penalty", "[1]", "is not supported; use repetition_penalty"},
    {"repeat_last_n", "[]", "is not supported; repetition_penalty sees the whole text"},
    {"penalty_*", "[]", kLeaveOut},
    {"do_sample", "[]", "is not supported; temperature 0 is greedy"},
    {"decoder_input_details", "[false]", "is not supported; use prompt_logprobs"},
    {"details", "[false]", "is not supported; use logprobs"},
    {"top_n_tokens", "[0]", "is not supported; use logprobs"},
    {"n_probs", "[0]", "is not supported; use logprobs"},
    {"post_sampling_probs", "[false]", "is not supported; logprobs are the model's own"},
    {"logprob_*", "[]", kExtras},
    {"return_full_text", "[false]", "is not supported; use echo"},
    {"return_*", "[false]", kExtras},
    {"response_fields", "[[]]", kExtras},
    {"typical_p", "[1]", kSampler},
    {"typ_p", "[1]", kSampler},
    {"tfs*", "[1]", kSampler},
    {"top_a", "[0]", kSampler},
    {"top_n_sigma", "[0, -1]", kSampler},
    {"min_keep", "[0]", kSampler},
    {"mirostat*", "[0]", kSampler},
    {"dry_*", "[0]", kSampler},
    {"xtc_*", "[0]", kSampler},
    {"dynatemp_*", "[0]", kSampler},
    {"adaptive_*", "[-1]", kSampler},
    {"smoothing_*", "[0]", kSampler},
    {"sampler*", "[]", kSampler},
    {"use_beam_search", "[false]", kSampler},
    {"num_beams", "[1]", kSampler},
    {"length_penalty", "[1]", kSampler},
    {"early_stopping", "[false]", kSampler},
    {"watermark*", "[false]", kLeaveOut},
    {"repetition_detection", "[]", kLeaveOut},
    {"custom_*", "[{}]", kLeaveOut},
    {"logits_processors", "[[]]", kLeaveOut},
    {"vllm_xargs", "[{}]", kLeaveOut},
    {"session_params", "[{}]", kLeaveOut},
    {"kv_transfer_params", "[]", kLeaveOut},
    {"ec_transfer_params", "[]", kLeaveOut},
    {"bootstrap_*", "[]", kLeaveOut},
    {"routed_dp_rank", "[]", kLeaveOut},
    {"data_parallel_rank", "[]", kLeaveOut},
    {"disagg_*", "[]", kLeaveOut},
};

bool names(std::string_view pattern, std::string_view name) {
  if (!pattern.ends_with('*')) return pattern == name;
  return name.starts_with(pattern.substr(0, pattern.size() - 1));
}

template <typename Rule>
const Rule* find_rule(std::span<const Rule> rules, std::string_view name) {
  const auto found = std::find_if(rules.begin(), rules.end(),
                                  [&](const Rule& rule) { return names(rule.name, name); });
  return found == rules.end() ? nullptr : &*found;
}

bool is_neutral(const RefusedField& rule, const Json& value) {
  const Json neutral = Json::parse(rule.neutral, nullptr, /*allow_exceptions=*/false);
  return std::find(neutral.begin(), neutral.end(), value) != neutral.end();
}

Status unrecognised(std::string_view path, const std::string& name,
                    const std::vector<std::string_view>& known) {
  const std::vector<std::string> candidates(known.begin(), known.end());
  const std::string shown = name.substr(0, 64);
  return invalid_field(std::string(path) + shown, "is not a field of this request{}",
                       suggestion(shown, candidates));
}

bool is_known(const std::vector<std::string_view>& known, const std::string& name) {
  return std::find(known.begin(), known.end(), name) != known.end();
}

}  // namespace

std::span<const IgnoredField> ignored_fields() { return kIgnored; }
std::span<const RefusedField> refused_fields() { return kRefused; }

Status refuse_other_fields(const Json& object, const std::vector<std::string_view>& known,
                           std::string_view path) {
  for (const auto& [name, value] : object.items()) {
    if (value.is_null() || is_known(known, name)) continue;
    if (find_rule(ignored_fields(), name) != nullptr) continue;
    const RefusedField* refused = find_rule(refused_fields(), name);
    if (refused == nullptr) return unrecognised(path, name, known);
    if (!is_neutral(*refused, value)) {
      return invalid_field(std::string(path) + name, "{}", refused->advice);
    }
  }
  return {};
}

Status refuse_unknown_fields(const Json& object, const std::vector<std::string_view>& known,
                             std::string_view path) {
  for (const auto& [name, value] : object.items()) {
    if (!value.is_null() && !is_known(known, name)) return unrecognised(path, name, known);
  }
  return {};
}

}  // namespace puna

// The ranges, each in a line.

#include "engine/sampling_params.h"

#include <cmath>
#include <string_view>

namespace puna {
namespace {

Status check_range(std::string_view field, double value, double low, double high) {
  if (value >= low && value <= high) return {};  // false for NaN
  return invalid_field(field, "is {}, and goes from {} to {}", value, low, high);
}

Status validate_penalties(const SamplingParams& params) {
  RETURN_IF_ERROR(check_range("presence_penalty", params.presence_penalty, -2, 2));
  RETURN_IF_ERROR(check_range("frequency_penalty", params.frequency_penalty, -2, 2));
  if (!(params.repetition_penalty > 0) || !std::isfinite(params.repetition_penalty)) {
    return invalid_field("repetition_penalty", "is {}, and must be above 0 (1 is off)",
                         params.repetition_penalty);
  }
  return {};
}

Status validate_logit_bias(const SamplingParams& params, int vocab_size) {
  if (params.logit_bias.size() > kLogitBiasMax) {
    return invalid_field("logit_bias", "has {} tokens, at most {}", params.logit_bias.size(),
                         kLogitBiasMax);
  }
  for (const auto& [token, bias] : params.logit_bias) {
    if (token < 0 || token >= vocab_size) {
      return invalid_field("logit_bias", "has token {}, outside the vocabulary of {} tokens", token,
                           vocab_size);
    }
    RETURN_IF_ERROR(check_range("logit_bias", static_cast<double>(bias), -100, 100));
  }
  return {};
}

Status validate_tokens(std::string_view field, const std::vector<TokenId>& tokens, size_t count_max,
                       int vocab_size) {
  if (tokens.size() > count_max) {
    return invalid_field(field, "has {} tokens, at most {}", tokens.size(), count_max);
  }
  for (const TokenId token : tokens) {
    if (token >= 0 && token < vocab_size) continue;
    return invalid_field(field, "has token {}, outside the vocabulary of {} tokens", token,
                         vocab_size);
  }
  return {};
}

Status validate_bad_words(const SamplingParams& params, int vocab_size) {
  if (params.bad_words.size() > kBadWordsMax) {
    return invalid_field("bad_words", "has {} words, at most {}", params.bad_words.size(),
                         kBadWordsMax);
  }
  for (const std::vector<TokenId>& word : params.bad_words) {
    if (word.empty()) return invalid_field("bad_words", "has an empty word, which forbids nothing");
    RETURN_IF_ERROR(validate_tokens("bad_words", word, kBadWordTokensMax, vocab_size));
  }
  return {};
}

}  // namespace

Status validate(const SamplingParams& params, int vocab_size) {
  RETURN_IF_ERROR(check_range("temperature", params.temperature, 0, 2));
  RETURN_IF_ERROR(check_range("min_p", params.min_p, 0, 1));
  if (!(params.top_p > 0 && params.top_p <= 1)) {
    return invalid_field("top_p", "is {}, and must be above 0 and at most 1", params.top_p);
  }
  if (params.top_k < -1) {
    return invalid_field("top_k", "is {}, and must be 0 or -1 (off) or more", params.top_k);
  }
  RETURN_IF_ERROR(validate_penalties(params));
  RETURN_IF_ERROR(validate_logit_bias(params, vocab_size));
  RETURN_IF_ERROR(
      validate_tokens("stop_token_ids", params.stop_token_ids, kStopTokenIdsMax, vocab_size));
  RETURN_IF_ERROR(validate_tokens("allowed_token_ids", params.allowed_token_ids,
                                  static_cast<size_t>(vocab_size), vocab_size));
  RETURN_IF_ERROR(validate_bad_words(params, vocab_size));
  if (params.max_tokens < 0) {
    return invalid_field("max_tokens", "is {}, and must not be negative", params.max_tokens);
  }
  if (params.min_tokens < 0 || params.min_tokens > params.max_tokens) {
    return invalid_field("min_tokens", "is {}, and goes from 0 to max_tokens ({})",
                         params.min_tokens, params.max_tokens);
  }
  RETURN_IF_ERROR(check_range("logprobs", params.logprobs.value_or(0), 0, kTopLogprobsMax));
  RETURN_IF_ERROR(
      check_range("prompt_logprobs", params.prompt_logprobs.value_or(0), 0, kTopLogprobsMax));
  return {};
}

}  // namespace puna

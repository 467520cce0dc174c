// The ranges, each in a line.

#include "engine/sampling_params.h"

#include <cmath>
#include <string_view>

namespace puna {
namespace {

Status check_range(std::string_view field, double value, double low, double high) {
  if (value >= low && value <= high) return {};  // false for NaN
  return invalid_argument("{} is {}, and goes from {} to {}", field, value, low, high);
}

Status validate_penalties(const SamplingParams& params) {
  RETURN_IF_ERROR(check_range("presence_penalty", params.presence_penalty, -2, 2));
  RETURN_IF_ERROR(check_range("frequency_penalty", params.frequency_penalty, -2, 2));
  if (!(params.repetition_penalty > 0) || !std::isfinite(params.repetition_penalty)) {
    return invalid_argument("repetition_penalty is {}, and must be above 0 (1 is off)",
                            params.repetition_penalty);
  }
  return {};
}

Status validate_logit_bias(const SamplingParams& params, int vocab_size) {
  if (params.logit_bias.size() > kLogitBiasMax) {
    return invalid_argument("logit_bias has {} tokens, at most {}", params.logit_bias.size(),
                            kLogitBiasMax);
  }
  for (const auto& [token, bias] : params.logit_bias) {
    if (token < 0 || token >= vocab_size) {
      return invalid_argument("logit_bias: token {} is not in the vocabulary of {} tokens", token,
                              vocab_size);
    }
    RETURN_IF_ERROR(check_range("logit_bias", static_cast<double>(bias), -100, 100));
  }
  return {};
}

Status validate_stop_token_ids(const SamplingParams& params, int vocab_size) {
  if (params.stop_token_ids.size() > kStopTokenIdsMax) {
    return invalid_argument("stop_token_ids has {} tokens, at most {}",
                            params.stop_token_ids.size(), kStopTokenIdsMax);
  }
  for (const TokenId token : params.stop_token_ids) {
    if (token >= 0 && token < vocab_size) continue;
    return invalid_argument("stop_token_ids: token {} is not in the vocabulary of {} tokens", token,
                            vocab_size);
  }
  return {};
}

}  // namespace

Status validate(const SamplingParams& params, int vocab_size) {
  RETURN_IF_ERROR(check_range("temperature", params.temperature, 0, 2));
  RETURN_IF_ERROR(check_range("min_p", params.min_p, 0, 1));
  if (!(params.top_p > 0 && params.top_p <= 1)) {
    return invalid_argument("top_p is {}, and must be above 0 and at most 1", params.top_p);
  }
  if (params.top_k < -1) {
    return invalid_argument("top_k is {}, and must be 0 or -1 (off) or more", params.top_k);
  }
  RETURN_IF_ERROR(validate_penalties(params));
  RETURN_IF_ERROR(validate_logit_bias(params, vocab_size));
  RETURN_IF_ERROR(validate_stop_token_ids(params, vocab_size));
  if (params.max_tokens < 1) {
    return invalid_argument("max_tokens is {}, and must be at least 1", params.max_tokens);
  }
  if (params.min_tokens < 0 || params.min_tokens > params.max_tokens) {
    return invalid_argument("min_tokens is {}, and goes from 0 to max_tokens ({})",
                            params.min_tokens, params.max_tokens);
  }
  if (params.logprobs && (*params.logprobs < 0 || *params.logprobs > kTopLogprobsMax)) {
    return invalid_argument("logprobs is {}, and goes from 0 to {}", *params.logprobs,
                            kTopLogprobsMax);
  }
  return {};
}

}  // namespace puna

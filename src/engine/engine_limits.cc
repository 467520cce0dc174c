// What does not fit is refused with the flag that would make it fit.

#include "engine/engine_limits.h"

#include <algorithm>

#include "base/log.h"

namespace puna {

Status validate_options(const Backend& backend, const EngineOptions& options) {
  const BackendLimits& limits = backend.limits();
  if (options.max_num_seqs < 1 || options.step_tokens_max < 1) {
    return invalid_argument("--max-num-seqs {} and --max-num-batched-tokens {} must be at least 1",
                            options.max_num_seqs, options.step_tokens_max);
  }
  RETURN_IF_ERROR(validate(options.speculation));
  const int64_t positions = int64_t{limits.block_count} * backend.traits().block_tokens;
  if (positions >= limits.max_model_len) return {};
  return error(StatusCode::kResourceExhausted,
               "the KV cache holds {} positions, fewer than one sequence of --max-model-len {}; "
               "raise --kv-cache-memory-bytes or lower --max-model-len",
               positions, limits.max_model_len);
}

// A wrong token would fail a whole step, with everybody in it.
Status validate_prompt(const std::vector<TokenId>& prompt, const BackendLimits& limits) {
  if (prompt.empty() || static_cast<int64_t>(prompt.size()) >= limits.max_model_len) {
    return error(StatusCode::kOutOfRange,
                 "the prompt has {} tokens, and this model takes from 1 to {}", prompt.size(),
                 limits.max_model_len - 1);
  }
  for (const TokenId token : prompt) {
    if (token >= 0 && token < limits.vocab_size) continue;
    return invalid_argument("the prompt has token {}, outside the vocabulary of {} tokens", token,
                            limits.vocab_size);
  }
  return {};
}

EngineOptions without_unknown_ends(EngineOptions options, int vocab_size) {
  std::erase_if(options.eos_token_ids,
                [&](TokenId token) { return token < 0 || token >= vocab_size; });
  return options;
}

// A row of a draft is one among several: it must be what it would be alone.
SpeculationOptions speculation_of(const Backend& backend, const EngineOptions& options) {
  SpeculationOptions speculation = options.speculation;
  if (!speculation.is_on || backend.traits().exactness == Exactness::kBits) return speculation;
  log_info(
      "no speculation: this backend may compute a token differently beside others, and answers "
      "would change");
  speculation.is_on = false;
  return speculation;
}

SchedulerLimits scheduler_limits(const Backend& backend, const EngineOptions& options) {
  const BackendLimits& limits = backend.limits();
  SchedulerLimits scheduler;
  scheduler.step_tokens_max = std::min(options.step_tokens_max, limits.step_tokens_max);
  scheduler.max_num_seqs =
      std::min({options.max_num_seqs, limits.step_runs_max, scheduler.step_tokens_max});
  scheduler.block_count = limits.block_count;
  scheduler.block_tokens = backend.traits().block_tokens;
  if (options.enable_prefix_caching) scheduler.sharing = backend.traits().sharing;
  return scheduler;
}

}  // namespace puna

// What a flag may be at most is a bound on memory and time, not on what fits.

#include "backend/option_limits.h"

#include <cstdint>
#include <string_view>

namespace puna {
namespace {

constexpr int kStepTokensMax = 1 << 16;

Status check_option(std::string_view flag, int64_t value, int64_t minimum, int64_t maximum) {
  if (value >= minimum && value <= maximum) return {};
  return invalid_argument("{} {}: expected {} to {}", flag, value, minimum, maximum);
}

}  // namespace

Status check_common_options(const BackendOptions& options, const LlamaConfig& config,
                            int sequences_max) {
  RETURN_IF_ERROR(check_option("--max-num-seqs", options.max_num_seqs, 1, sequences_max));
  RETURN_IF_ERROR(
      check_option("--max-num-batched-tokens", options.step_tokens_max, 1, kStepTokensMax));
  RETURN_IF_ERROR(check_option("--kv-cache-memory-bytes", options.kv_cache_bytes, 0, INT64_MAX));
  return check_option("--max-model-len", options.max_model_len, 0, config.max_position_embeddings);
}

}  // namespace puna

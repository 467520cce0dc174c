// Ranges, each with its name.

#include "engine/speculation_options.h"

#include <string_view>

namespace puna {
namespace {

Status check_range(std::string_view name, int value, int least, int most) {
  if (value >= least && value <= most) return {};
  return invalid_argument("{} is {}: expected {} to {}", name, value, least, most);
}

}  // namespace

Status validate(const SpeculationOptions& options) {
  RETURN_IF_ERROR(check_range("num_speculative_tokens", options.num_speculative_tokens, 1,
                              SpeculationOptions::kTokensMax));
  RETURN_IF_ERROR(check_range("prompt_lookup_max", options.prompt_lookup_max, 1,
                              SpeculationOptions::kNgramMax));
  return check_range("prompt_lookup_min", options.prompt_lookup_min, 1, options.prompt_lookup_max);
}

}  // namespace puna

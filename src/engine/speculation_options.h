// SpeculationOptions: in the words of vLLM's --speculative-config. Plain data.
#pragma once

#include "base/status.h"

namespace puna {

struct SpeculationOptions {
  static constexpr int kTokensMax = 32;
  static constexpr int kNgramMax = 64;

  bool is_on = true;                // as far as the backend computes the same bits
  int num_speculative_tokens = 16;  // at most, after one token; 1 to kTokensMax
  // Tokens that must have been said before: from `min` to `max`, 1 to kNgramMax.
  int prompt_lookup_min = 2;
  int prompt_lookup_max = 16;
};

// The message begins with the name in --speculative-config.
Status validate(const SpeculationOptions& options);

}  // namespace puna

// The calibration text as a model's tokens.
#pragma once

#include <vector>

#include "tokenizer/tokenizer.h"

namespace puna {

// Every text begins as a prompt does.
std::vector<TokenId> calibration_tokens(const Tokenizer& tokenizer);

}  // namespace puna

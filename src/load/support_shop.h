// The support shop: customers of one shop ask about orders, deliveries and lamps, one to four
// questions each, after the same system prompt with its answers (some 900 tokens).
#pragma once

#include <memory>

#include "load/scenario.h"

namespace puna {

std::unique_ptr<Scenario> make_support_shop(uint64_t seed);

}  // namespace puna

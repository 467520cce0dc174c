// speculation_options(): --speculative-config and --no-speculation, in vLLM's words.
#pragma once

#include "app/options.h"
#include "base/status.h"
#include "engine/speculation_options.h"

namespace puna {

// kInvalidArgument with the field that is wrong and what it may be.
Result<SpeculationOptions> speculation_options(const ModelOptions& options);

}  // namespace puna

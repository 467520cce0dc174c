// check_common_options(): what BackendOptions ask of every backend that runs a model.
#pragma once

#include "backend/open_backend.h"
#include "base/status.h"
#include "model/llama_config.h"

namespace puna {

// kInvalidArgument with the flag and the range that it must be in.
Status check_common_options(const BackendOptions& options, const LlamaConfig& config,
                            int sequences_max);

}  // namespace puna

// What an engine takes: options against its backend, prompts against both.
#pragma once

#include <vector>

#include "backend/backend.h"
#include "base/status.h"
#include "engine/engine.h"
#include "engine/scheduler_snapshot.h"

namespace puna {

Status validate_options(const Backend& backend, const EngineOptions& options);

// A wrong token would fail a whole step, with everybody in it.
Status validate_prompt(const std::vector<TokenId>& prompt, const BackendLimits& limits);

EngineOptions without_unknown_ends(EngineOptions options, int vocab_size);

// What of it the backend allows.
SpeculationOptions speculation_of(const Backend& backend, const EngineOptions& options);

SchedulerLimits scheduler_limits(const Backend& backend, const EngineOptions& options);

}  // namespace puna

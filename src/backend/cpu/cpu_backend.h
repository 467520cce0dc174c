// The CPU backend: Llama on the processor's own vector instructions, batch-invariant bit for bit.
#pragma once

#include <memory>

#include "backend/measured_backend.h"
#include "backend/open_backend.h"
#include "model/checkpoint.h"

namespace puna {

const BackendTraits& cpu_traits();

// Packs the checkpoint's weights, or says which flag to change when they or the KV cache do not
// fit.
Result<std::unique_ptr<MeasuredBackend>> open_cpu_backend(const BackendOptions& options,
                                                          const Checkpoint& checkpoint);

}  // namespace puna

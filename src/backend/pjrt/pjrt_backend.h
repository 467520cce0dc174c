// PjrtBackend: a Llama on the devices of a PJRT plugin.
//
// Programs of a few sizes are compiled at the start; a step is one execution or several. Whatever
// fails on a device is final: K and V of all sequences were there.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "backend/measured_backend.h"
#include "backend/open_backend.h"
#include "base/status.h"

namespace puna {

// `host_memory_bytes` that are free count where a plugin does not say what its devices have.
Result<std::unique_ptr<MeasuredBackend>> open_pjrt_backend(const BackendOptions& options,
                                                           const Checkpoint& checkpoint,
                                                           int64_t host_memory_bytes);

// Only compiles, into the store: the start that follows with the same options loads all of it. Says
// what was done.
Result<std::string> compile_pjrt_programs(const BackendOptions& options,
                                          const Checkpoint& checkpoint, int64_t host_memory_bytes);

}  // namespace puna

// Running a program on buffers: checks, the interpreter, donation.
#pragma once

#include <atomic>
#include <cstdint>

#include "backend/pjrt/pjrt_abi.h"
#include "base/status.h"

namespace puna::pjrt {

// From this run on the devices are lost, if it is above 0: the client option lose_at_run.
extern std::atomic<int64_t> runs_until_loss;

// Programs whose first input has so many elements round otherwise: the client option
// other_bits_at. 0: none does.
extern std::atomic<int64_t> other_bits_at;

// Fills outputs and events of the call. An error in `*run_status` happened on the devices; one that
// is returned, before them.
Status execute(const LoadedExecutableExecuteArgs& arguments, Status* run_status);

}  // namespace puna::pjrt

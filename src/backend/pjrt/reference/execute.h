// Running a program on buffers: checks, the interpreter, donation.
#pragma once

#include <atomic>
#include <cstdint>

#include "backend/pjrt/pjrt_abi.h"
#include "base/status.h"

namespace puna::pjrt {

// From this run on the devices are lost, if it is above 0: the client option lose_at_run.
extern std::atomic<int64_t> runs_until_loss;

// Fills outputs and events of the call. An error in `*run_status` happened on the devices; one that
// is returned, before them.
Status execute(const LoadedExecutableExecuteArgs& arguments, Status* run_status);

}  // namespace puna::pjrt

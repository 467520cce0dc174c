// Running a program on buffers: checks, the interpreter, donation.
#pragma once

#include "backend/pjrt/pjrt_abi.h"
#include "base/status.h"

namespace puna::pjrt {

// Fills outputs and events of the call. An error in `*run_status` happened on the devices; one that
// is returned, before them.
Status execute(const LoadedExecutableExecuteArgs& arguments, Status* run_status);

}  // namespace puna::pjrt

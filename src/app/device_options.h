// Flags of --backend pjrt, for every command that opens a backend.
#pragma once

#include <string>
#include <string_view>

#include "app/options.h"
#include "backend/open_backend.h"
#include "base/status.h"

namespace puna {

// kInvalidArgument for flags that only devices obey with another backend, and for those that they
// do not with theirs.
Status check_device_options(const DeviceOptions& options, std::string_view backend, int group);

PjrtOptions pjrt_options(const DeviceOptions& options, const std::string& weights,
                         const std::string& kv_cache_dtype);

}  // namespace puna

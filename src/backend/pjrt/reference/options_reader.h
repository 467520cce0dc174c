// Reads what a caller encoded as xla.CompileOptionsProto.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/status.h"

namespace puna::pjrt {

struct DecodedOptions {
  int64_t replicas = 0;
  int64_t partitions = 0;
  bool uses_spmd = false;
  bool uses_shardy = false;
  int64_t assigned_devices = 0;
};

Result<DecodedOptions> decode_options(std::string_view bytes);

}  // namespace puna::pjrt

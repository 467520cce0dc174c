// What a model takes on each device, and what fits: the number of KV blocks, the longest sequence,
// and the sizes of programs. Decided before anything is loaded.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "backend/open_backend.h"
#include "backend/pjrt/executions.h"
#include "base/status.h"
#include "model/llama_config.h"
#include "stablehlo/llama_program.h"
#include "stablehlo/platform_profile.h"

namespace puna::pjrt {

struct DeviceMemory {
  int64_t free_bytes = 0;  // of one device
  bool is_shared = false;  // with the rest of the machine, whose it is
};

struct DevicePlan {
  BackendLimits limits;
  PoolLayout layout;
  ProgramBuckets buckets;
  stablehlo::ProgramShape shape;  // of every program, but for its sizes
  // Of one device.
  int64_t weight_bytes = 0;
  int64_t step_weight_bytes = 0;  // of these, what every step reads
  int64_t kv_block_bytes = 0;     // of all layers
  int64_t kv_bytes = 0;
  int64_t scratch_bytes = 0;

  stablehlo::ProgramShape shape_of(const ProgramSizes& sizes) const;
};

// kInvalidArgument for options of other backends and degrees that do not divide the model,
// kResourceExhausted for what does not fit into `memory`.
Result<DevicePlan> plan_devices(const BackendOptions& options, const LlamaConfig& config,
                                const stablehlo::PlatformProfile& profile,
                                const DeviceMemory& memory);

// "weights 1.2 GB, KV 300.0 MB, scratch 20.0 MB on each of 2 devices"
std::string describe(const DevicePlan& plan);

}  // namespace puna::pjrt

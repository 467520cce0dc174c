// DeviceWeights: what stays on the devices from step to step: weights, RoPE tables, ranks, and the
// pools of K and V.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "backend/pjrt/client.h"
#include "base/status.h"
#include "model/llama_config.h"
#include "model/weight_source.h"
#include "stablehlo/llama_program.h"

namespace puna::pjrt {

ArrayType array_type(const stablehlo::TensorType& type);

class DeviceWeights {
 public:
  // Reads each argument of a program that no step changes from `source`, one device's share at a
  // time, and uploads it.
  static Result<DeviceWeights> load(const DeviceClient& client, const LlamaConfig& config,
                                    const WeightSource& source,
                                    const stablehlo::ProgramShape& shape,
                                    std::span<const stablehlo::ProgramArgument> arguments);

  // Null for an argument of the step.
  const DeviceBuffer* find(size_t device, const stablehlo::ProgramArgument& argument) const;

 private:
  using Key = std::pair<stablehlo::ArgumentRole, int>;  // and layer

  std::vector<std::map<Key, DeviceBuffer>> held_;  // [device]
};

// Pools of zeros, [device][pool] in the order of the arguments.
Result<std::vector<std::vector<DeviceBuffer>>> make_pools(
    const DeviceClient& client, int degree, std::span<const stablehlo::ProgramArgument> arguments);

}  // namespace puna::pjrt

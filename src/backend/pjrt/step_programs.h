// StepPrograms: the programs of a model, compiled, with their arguments on the devices.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "backend/open_backend.h"
#include "backend/pjrt/client.h"
#include "backend/pjrt/device_plan.h"
#include "backend/pjrt/device_weights.h"
#include "backend/pjrt/executions.h"
#include "base/status.h"
#include "model/checkpoint.h"
#include "stablehlo/platform_profile.h"

namespace puna::pjrt {

class StepPrograms {
 public:
  // Compiles all programs of `plan`, then loads the weights.
  static Result<StepPrograms> load(const DeviceClient& client, const DevicePlan& plan,
                                   const stablehlo::PlatformProfile& profile,
                                   const Checkpoint& checkpoint, const PjrtOptions& options);

  // Runs one execution; the rows of logits that it has go into their places in
  // `logits` [wanted_rows, vocab_size].
  Status run(const Execution& execution, const StepBatch& batch, std::span<float> logits);
  // Whether K and V of earlier steps are still there after a run that failed.
  bool has_pools() const;
  size_t program_count() const { return programs_.size(); }

 private:
  struct CompiledProgram {
    std::vector<stablehlo::ProgramArgument> arguments;
    LoadedProgram program;
  };

  StepPrograms(const DeviceClient& client, const DevicePlan& plan) : client_(client), plan_(plan) {}

  Status compile_all(const stablehlo::PlatformProfile& profile, const LlamaConfig& config,
                     const PjrtOptions& options);
  Result<CompiledProgram> compile(const ProgramSizes& sizes,
                                  const stablehlo::PlatformProfile& profile,
                                  const LlamaConfig& config, const PjrtOptions& options) const;

  DeviceClient client_;
  DevicePlan plan_;
  std::map<ProgramSizes, CompiledProgram> programs_;
  DeviceWeights weights_;
  std::vector<std::vector<DeviceBuffer>> pools_;  // [device][pool]
  std::vector<float> rows_;                       // logits of the last execution
};

}  // namespace puna::pjrt

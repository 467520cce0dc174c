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
#include "backend/pjrt/devices.h"
#include "backend/pjrt/executable_store.h"
#include "backend/pjrt/executions.h"
#include "base/status.h"
#include "model/llama_config.h"
#include "model/weight_source.h"
#include "stablehlo/platform_profile.h"

namespace puna::pjrt {

class StepPrograms {
 public:
  // All programs of `plan`, from the store or compiled.
  static Result<StepPrograms> compile(const OpenDevices& devices, const DevicePlan& plan,
                                      const LlamaConfig& config, const PjrtOptions& options);
  // What run() needs beside programs: weights and pools.
  Status load(const LlamaConfig& config, const WeightSource& weights);

  // Runs one execution; the rows of logits that it has go into their places in
  // `logits` [wanted_rows, vocab_size].
  Status run(const Execution& execution, const StepBatch& batch, std::span<float> logits);
  // Whether K and V of earlier steps are still there after a run that failed.
  bool has_pools() const;
  size_t program_count() const { return programs_.size(); }
  size_t stored_count() const { return stored_count_; }  // of these, which were not compiled now

 private:
  struct CompiledProgram {
    std::vector<stablehlo::ProgramArgument> arguments;
    LoadedProgram program;
  };

  StepPrograms(const DeviceClient& client, const DevicePlan& plan) : client_(client), plan_(plan) {}

  Status add(const ProgramSizes& sizes, const stablehlo::PlatformProfile& profile,
             const LlamaConfig& config, const std::string& program_folder,
             const ExecutableStore& store);

  DeviceClient client_;
  DevicePlan plan_;
  std::map<ProgramSizes, CompiledProgram> programs_;
  size_t stored_count_ = 0;
  DeviceWeights weights_;
  std::vector<std::vector<DeviceBuffer>> pools_;  // [device][pool]
  std::vector<float> rows_;                       // logits of the last execution
};

}  // namespace puna::pjrt

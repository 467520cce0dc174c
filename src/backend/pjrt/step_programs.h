// StepPrograms: the programs of a model, compiled, with their arguments on the devices.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
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
#include "backend/pjrt/probe_findings.h"
#include "base/status.h"
#include "model/llama_config.h"
#include "model/weight_source.h"
#include "stablehlo/platform_profile.h"

namespace puna::pjrt {

class StepPrograms {
 public:
  // All programs of `plan`, from the store or compiled; without those that an earlier probe of the
  // same ones has found to differ, when `options` leave these out.
  static Result<StepPrograms> compile(const OpenDevices& devices, const DevicePlan& plan,
                                      const LlamaConfig& config, const PjrtOptions& options);
  // What run() needs beside programs: weights and pools.
  Status load(const LlamaConfig& config, const WeightSource& weights);

  // Runs one execution; the rows of logits that it has go into their places in
  // `logits` [wanted_rows, vocab_size].
  Status run(const Execution& execution, const StepBatch& batch, std::span<float> logits);
  ProgramList sizes() const;
  // What an earlier start has found out about just these programs.
  const std::optional<ProbeFindings>& findings() const { return findings_; }
  // For the next start.
  void keep_findings(const ProbeFindings& findings) const;
  void drop(const ProgramSizes& sizes) { programs_.erase(sizes); }

  // Whether K and V of earlier steps are still there after a run that failed.
  bool has_pools() const;
  size_t program_count() const { return programs_.size(); }
  size_t stored_count() const { return stored_count_; }  // of these, which were not compiled now

 private:
  struct EmittedProgram {
    ProgramSizes sizes;
    stablehlo::LlamaProgram program;
    std::filesystem::path path;  // in the store
  };
  struct CompiledProgram {
    std::vector<stablehlo::ProgramArgument> arguments;
    LoadedProgram program;
  };

  StepPrograms(const OpenDevices& devices, const DevicePlan& plan, ExecutableStore store);

  Result<std::vector<EmittedProgram>> emit_all(const LlamaConfig& config,
                                               const std::string& program_folder) const;
  // Those that are not there yet.
  Status add_all(std::span<const EmittedProgram> emitted, const ProgramList& wanted,
                 const PjrtOptions& options);
  Status add(const EmittedProgram& emitted);

  DeviceClient client_;
  DevicePlan plan_;
  stablehlo::PlatformProfile profile_;
  ExecutableStore store_;
  std::filesystem::path notes_path_;
  std::optional<ProbeFindings> findings_;
  std::map<ProgramSizes, CompiledProgram> programs_;
  size_t stored_count_ = 0;
  DeviceWeights weights_;
  std::vector<std::vector<DeviceBuffer>> pools_;  // [device][pool]
  std::vector<float> rows_;                       // logits of the last execution
};

}  // namespace puna::pjrt

// Opening: devices, plan, programs, weights, in the order in which each may fail.

#include "backend/pjrt/pjrt_backend.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "backend/pjrt/bucket_probe.h"
#include "backend/pjrt/device_plan.h"
#include "backend/pjrt/device_speed.h"
#include "backend/pjrt/devices.h"
#include "backend/pjrt/step_programs.h"
#include "base/log.h"
#include "stablehlo/tensor_parallel.h"

namespace puna {
namespace {

using pjrt::DevicePlan;
using pjrt::DeviceSpeed;
using pjrt::OpenDevices;
using pjrt::ProbeFindings;
using pjrt::ProgramList;
using pjrt::StepPrograms;

constexpr int64_t kReadArrayBytesMax = int64_t{1} << 30;

StepShapes shapes_of(const ProgramList& programs) {
  std::set<int> tokens;
  std::set<int> runs;
  std::set<int> tables;
  for (const pjrt::ProgramSizes& sizes : programs) {
    const bool decodes = sizes.tokens_per_sequence == 1;
    (decodes ? runs : tokens).insert(decodes ? sizes.sequences : sizes.tokens_per_sequence);
    tables.insert(sizes.table_blocks);
  }
  return {.token_buckets = {tokens.begin(), tokens.end()},
          .run_buckets = {runs.begin(), runs.end()},
          .table_buckets = {tables.begin(), tables.end()},
          .mixes_prefill_and_decode = false};
}

BackendTraits traits_of(const DevicePlan& plan, const ProgramList& programs, Exactness exactness) {
  return {.samples = false,
          .exactness = exactness,
          // A slot is one sequence's.
          .sharing = plan.layout.has_slots ? BlockSharing::kNone : BlockSharing::kPrefill,
          .block_tokens = plan.layout.block_tokens,
          .shapes = shapes_of(programs)};
}

const char* promise_of(Exactness exactness) {
  switch (exactness) {
    case Exactness::kBits:
      return "the same bits in any company";
    case Exactness::kWithinStep:
      return "the same bits when the same step runs again";
    case Exactness::kTolerance:
      break;
  }
  return "no bits promised";
}

class PjrtBackend final : public MeasuredBackend {
 public:
  PjrtBackend(DevicePlan plan, const OpenDevices& devices, StepPrograms programs,
              Exactness exactness)
      : plan_(std::move(plan)),
        program_list_(programs.sizes()),
        traits_(traits_of(plan_, program_list_, exactness)),
        description_(fmt::format(
            "pjrt: {} ({}), {}, {} weights, {} programs, {}, {} for {} positions",
            devices.plugin->describe(), devices.platform, devices.profile.name,
            plan_.shape.has_int8_matrices ? "int8" : stablehlo::describe(plan_.shape.weights),
            program_list_.size(), promise_of(exactness), pjrt::describe(plan_),
            int64_t{plan_.limits.block_count} * plan_.layout.block_tokens)),
        devices_(devices),
        programs_(std::move(programs)) {}

  const BackendLimits& limits() const override { return plan_.limits; }
  const BackendTraits& traits() const override { return traits_; }
  std::string describe() const override { return description_; }

  BackendMemory memory() const override {
    const int64_t degree = plan_.shape.degree;
    return {.weight_bytes = degree * plan_.weight_bytes,
            .step_weight_bytes = degree * plan_.step_weight_bytes,
            .kv_bytes_per_token = degree * plan_.kv_block_bytes / stablehlo::kBlockPositions,
            .weight_group = 0};
  }
  void fill_blocks() override {}  // pools were written when they were made
  void settle() override {}
  std::string kernels() const override {
    return fmt::format("{} {} ({})", plan_.shape.degree, devices_.platform,
                       devices_.plugin->describe());
  }
  Result<std::optional<DeviceLimits>> device_limits() override {
    if (!speed_) {
      ASSIGN_OR_RETURN(speed_, DeviceSpeed::open(devices_.client, devices_.profile,
                                                 plan_.shape.degree, plan_.shape.weights,
                                                 std::min(plan_.weight_bytes, kReadArrayBytesMax)));
    }
    ASSIGN_OR_RETURN(const DeviceLimits limits, speed_->measure());
    return std::optional<DeviceLimits>(limits);
  }

  Status health() const override {
    if (!is_lost_.load(std::memory_order_acquire)) return {};
    return error(StatusCode::kInternal,
                 "an accelerator failed in a step, and nothing can be computed any more; a restart "
                 "opens it again");
  }

 protected:
  Result<StepResult> compute(const StepBatch& batch) override {
    RETURN_IF_ERROR(validate(batch, plan_.limits, traits_));
    RETURN_IF_ERROR(health());
    logits_.resize(batch.wanted_rows.size() * static_cast<size_t>(plan_.limits.vocab_size));
    for (const pjrt::Execution& execution :
         pjrt::plan_executions(batch, program_list_, plan_.layout)) {
      const Status ran = programs_.run(execution, batch, logits_);
      if (!ran.ok()) return failure(ran);
    }
    return StepResult{.logits = {.values = logits_, .vocab_size = plan_.limits.vocab_size}};
  }

 private:
  // Programs have fixed sizes and their arguments were checked: what fails is the device, unless it
  // only had no memory left.
  Status failure(const Status& status) {
    log_error("a program failed on the device: {}", status.message());
    if (status.code() == StatusCode::kResourceExhausted && programs_.has_pools()) {
      return error(StatusCode::kResourceExhausted, "the accelerator has no memory left for a step");
    }
    is_lost_.store(true, std::memory_order_release);
    return health();
  }

  const DevicePlan plan_;
  const ProgramList program_list_;
  const BackendTraits traits_;
  const std::string description_;
  const OpenDevices devices_;
  StepPrograms programs_;
  std::optional<DeviceSpeed> speed_;
  std::vector<float> logits_;  // [wanted rows, vocab_size]
  std::atomic<bool> is_lost_ = false;
};

pjrt::DeviceRequest request_of(const PjrtOptions& options) {
  return {.device = options.device,
          .device_count = options.tp_degree,
          .client_options = options.client_options,
          .memory_utilization = options.memory_utilization};
}

// A plugin that does not say what its devices have computes in the host's memory, or nearly so.
pjrt::DeviceMemory memory_of(const OpenDevices& devices, int degree, int64_t host_memory_bytes) {
  int64_t free_bytes = 0;
  for (int device = 0; device < degree; ++device) {
    const auto memory = devices.client.memory(static_cast<size_t>(device));
    if (!memory.ok() && memory.status().code() != StatusCode::kUnimplemented) {
      log_warning("device {} does not say what memory it has: {}", device,
                  memory.status().message());
    }
    if (!memory.ok() || memory->limit_bytes == 0) {
      return {.free_bytes = host_memory_bytes / degree, .is_shared = true};
    }
    const int64_t left = memory->limit_bytes - memory->used_bytes;
    free_bytes = device == 0 ? left : std::min(free_bytes, left);
  }
  return {.free_bytes = free_bytes, .is_shared = false};
}

struct CompiledModel {
  OpenDevices devices;
  DevicePlan plan;
  StepPrograms programs;
};

Result<CompiledModel> compile_model(const BackendOptions& options, const LlamaConfig& config,
                                    int64_t host_memory_bytes) {
  const auto& pjrt = std::get<PjrtOptions>(options.device);
  RETURN_IF_ERROR(stablehlo::check_degree(config, pjrt.tp_degree).with_context("--tp-degree"));
  pjrt.on_progress("opening the devices");
  ASSIGN_OR_RETURN(OpenDevices devices, pjrt::open_devices(request_of(pjrt)));
  ASSIGN_OR_RETURN(DevicePlan plan,
                   pjrt::plan_devices(options, config, devices.profile,
                                      memory_of(devices, pjrt.tp_degree, host_memory_bytes)));
  log_info("{}: {}", devices.plugin->describe(), pjrt::describe(plan));
  ASSIGN_OR_RETURN(StepPrograms programs, StepPrograms::compile(devices, plan, config, pjrt));
  return CompiledModel{std::move(devices), std::move(plan), std::move(programs)};
}

// What there is to know of the programs' bits, from an earlier start or from a probe.
Result<ProbeFindings> find_out(const PjrtOptions& options, const DevicePlan& plan,
                               StepPrograms& programs) {
  if (programs.findings()) return *programs.findings();
  options.on_progress("comparing the bits of programs");
  ASSIGN_OR_RETURN(ProbeFindings findings, pjrt::probe_programs(plan, programs));
  programs.keep_findings(findings);
  return findings;
}

// Leaves out programs that differ, and says what the others promise.
Result<Exactness> settle_bits(const PjrtOptions& options, const DevicePlan& plan,
                              StepPrograms& programs) {
  ASSIGN_OR_RETURN(const ProbeFindings findings, find_out(options, plan, programs));
  if (findings.differing.empty()) return findings.others;
  std::string names;
  for (const pjrt::ProgramSizes& sizes : findings.differing) {
    names += fmt::format("{}{}", names.empty() ? "" : "; ", describe(sizes));
  }
  if (!options.batch_invariance) {
    log_warning("answers depend on their company: these programs have other bits: {}", names);
    return std::max(findings.others, Exactness::kWithinStep);
  }
  log_info("buckets not used, for their bits are not those of the largest: {}", names);
  for (const pjrt::ProgramSizes& sizes : findings.differing) programs.drop(sizes);
  return findings.others;
}

}  // namespace

Result<std::unique_ptr<MeasuredBackend>> open_pjrt_backend(const BackendOptions& options,
                                                           const Checkpoint& checkpoint,
                                                           int64_t host_memory_bytes) {
  ASSIGN_OR_RETURN(CompiledModel model,
                   compile_model(options, checkpoint.config, host_memory_bytes));
  const auto& pjrt = std::get<PjrtOptions>(options.device);
  pjrt.on_progress("loading weights");
  RETURN_IF_ERROR(model.programs.load(checkpoint.config, *checkpoint.weights));
  ASSIGN_OR_RETURN(const Exactness exactness, settle_bits(pjrt, model.plan, model.programs));
  return std::unique_ptr<MeasuredBackend>(std::make_unique<PjrtBackend>(
      model.plan, model.devices, std::move(model.programs), exactness));
}

Result<std::string> compile_pjrt_programs(const BackendOptions& options,
                                          const Checkpoint& checkpoint, int64_t host_memory_bytes) {
  ASSIGN_OR_RETURN(const CompiledModel model,
                   compile_model(options, checkpoint.config, host_memory_bytes));
  return fmt::format("{} programs, {} of them compiled now", model.programs.program_count(),
                     model.programs.program_count() - model.programs.stored_count());
}

}  // namespace puna

// Results of a program: tokens, logits, then the pools, which take the place of those that went in.

#include "backend/pjrt/step_programs.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <utility>

#include "base/log.h"

namespace puna::pjrt {
namespace {

using stablehlo::ProgramArgument;

constexpr size_t kLogits = 1;
constexpr size_t kPools = 2;

std::string file_name(const ProgramSizes& sizes) {
  return fmt::format("{}_{}_context_{}.mlir", sizes.tokens_per_sequence == 1 ? "decode" : "prefill",
                     sizes.sequences * sizes.tokens_per_sequence,
                     sizes.table_blocks * stablehlo::kBlockPositions);
}

Status write_program(const std::filesystem::path& folder, const ProgramSizes& sizes,
                     const std::string& text) {
  std::error_code failure;
  std::filesystem::create_directories(folder, failure);
  const std::filesystem::path path = folder / file_name(sizes);
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (file) return {};
  return error(StatusCode::kPermissionDenied, "--emit-stablehlo: {} cannot be written",
               path.string());
}

}  // namespace

StepPrograms::StepPrograms(const OpenDevices& devices, const DevicePlan& plan,
                           ExecutableStore store)
    : client_(devices.client), plan_(plan), profile_(devices.profile), store_(std::move(store)) {}

Result<StepPrograms> StepPrograms::compile(const OpenDevices& devices, const DevicePlan& plan,
                                           const LlamaConfig& config, const PjrtOptions& options) {
  ASSIGN_OR_RETURN(
      ExecutableStore store,
      ExecutableStore::open(options.executable_store, devices.client, devices.plugin->path()));
  StepPrograms programs(devices, plan, std::move(store));
  ASSIGN_OR_RETURN(const auto emitted, programs.emit_all(config, options.program_folder));
  std::vector<std::filesystem::path> paths;
  for (const EmittedProgram& one : emitted) paths.push_back(one.path);
  programs.notes_path_ = programs.store_.notes_path(paths);
  const ProgramList all = all_programs(plan.buckets);
  ProgramList wanted = all;
  if (const auto notes = programs.store_.find_notes(programs.notes_path_)) {
    programs.findings_ = parse_findings(*notes);
  }
  if (programs.findings_ && options.batch_invariance) {
    wanted = agreeing(all, *programs.findings_);
  }
  RETURN_IF_ERROR(programs.add_all(emitted, wanted, options));
  if (programs.findings_ && programs.stored_count_ < wanted.size()) {
    programs.findings_.reset();  // compilers measure, and choose otherwise another time
    RETURN_IF_ERROR(programs.add_all(emitted, all, options));
  }
  return programs;
}

Result<std::vector<StepPrograms::EmittedProgram>> StepPrograms::emit_all(
    const LlamaConfig& config, const std::string& program_folder) const {
  std::vector<EmittedProgram> emitted;
  for (const ProgramSizes& sizes : all_programs(plan_.buckets)) {
    auto program = stablehlo::emit_llama_step(config, plan_.shape_of(sizes), profile_);
    if (!program.ok()) return program.status().with_context(describe(sizes));
    if (!program_folder.empty()) {
      RETURN_IF_ERROR(write_program(program_folder, sizes, program->text));
    }
    const auto path = store_.path_of(program->text, compile_options(profile_, plan_.shape.degree));
    emitted.push_back({sizes, std::move(program).value(), path});
  }
  return emitted;
}

Status StepPrograms::add_all(std::span<const EmittedProgram> emitted, const ProgramList& wanted,
                             const PjrtOptions& options) {
  for (const EmittedProgram& one : emitted) {
    const bool is_wanted = std::find(wanted.begin(), wanted.end(), one.sizes) != wanted.end();
    if (!is_wanted || programs_.contains(one.sizes)) continue;
    const size_t number = programs_.size() + 1;
    const std::string name = describe(one.sizes);
    options.on_progress(
        fmt::format("compiling program {} of {} ({})", number, wanted.size(), name));
    const auto started = std::chrono::steady_clock::now();
    const size_t stored_before = stored_count_;
    RETURN_IF_ERROR(add(one).with_context(name));
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - started;
    log_info("program {} of {}, {}, {} in {:.1f} s", number, wanted.size(), name,
             stored_count_ > stored_before ? "loaded" : "compiled", taken.count());
  }
  return {};
}

Status StepPrograms::add(const EmittedProgram& emitted) {
  if (auto stored = store_.find(client_, emitted.path)) {
    ++stored_count_;
    programs_.emplace(emitted.sizes,
                      CompiledProgram{emitted.program.arguments, *std::move(stored)});
    return {};
  }
  ASSIGN_OR_RETURN(
      LoadedProgram program,
      client_.compile(emitted.program.text, compile_options(profile_, plan_.shape.degree)));
  store_.keep(program, emitted.path);
  programs_.emplace(emitted.sizes, CompiledProgram{emitted.program.arguments, std::move(program)});
  return {};
}

ProgramList StepPrograms::sizes() const {
  ProgramList all;
  for (const auto& [sizes, program] : programs_) all.push_back(sizes);
  return all;
}

void StepPrograms::keep_findings(const ProbeFindings& findings) const {
  store_.keep_notes(to_text(findings), notes_path_);
}

Status StepPrograms::load(const LlamaConfig& config, const WeightSource& weights) {
  const auto& arguments = programs_.begin()->second.arguments;
  ASSIGN_OR_RETURN(weights_, DeviceWeights::load(client_, config, weights, plan_.shape, arguments));
  ASSIGN_OR_RETURN(pools_, make_pools(client_, plan_.shape.degree, arguments));
  return {};
}

Status StepPrograms::run(const Execution& execution, const StepBatch& batch,
                         std::span<float> logits) {
  const CompiledProgram& compiled = programs_.at(execution.sizes);
  std::vector<DeviceBuffer> uploaded;  // must not move: inputs point into it
  uploaded.reserve(compiled.arguments.size() * pools_.size());
  LoadedProgram::Inputs inputs(pools_.size());
  std::vector<std::vector<int32_t>> values(compiled.arguments.size());  // the same for all devices
  for (size_t device = 0; device < pools_.size(); ++device) {
    auto pool = pools_[device].begin();
    for (size_t i = 0; i < compiled.arguments.size(); ++i) {
      const ProgramArgument& argument = compiled.arguments[i];
      const DeviceBuffer* held = argument.is_pool() ? &*pool++ : weights_.find(device, argument);
      if (held == nullptr) {
        if (device == 0) values[i] = argument_values(argument, execution, batch, plan_.layout);
        ASSIGN_OR_RETURN(DeviceBuffer buffer, client_.upload(device, array_type(argument.type),
                                                             std::as_bytes(std::span(values[i]))));
        held = &uploaded.emplace_back(std::move(buffer));
      }
      inputs[device].push_back(held);
    }
  }
  ASSIGN_OR_RETURN(LoadedProgram::Outputs outputs, compiled.program.run(inputs));
  for (size_t device = 0; device < pools_.size(); ++device) {
    auto& results = outputs[device];
    if (results.size() != kPools + pools_[device].size()) {
      return error(StatusCode::kInternal, "a program gave {} results, not {}", results.size(),
                   kPools + pools_[device].size());
    }
    std::move(results.begin() + kPools, results.end(), pools_[device].begin());
  }
  if (execution.logits.empty()) return {};
  const auto width = static_cast<size_t>(plan_.limits.vocab_size);
  rows_.resize(static_cast<size_t>(plan_.shape_of(execution.sizes).logit_rows) * width);
  RETURN_IF_ERROR(outputs[0][kLogits].download(std::as_writable_bytes(std::span(rows_))));
  for (const ExecutionLogits& row : execution.logits) {
    std::copy_n(rows_.begin() + static_cast<ptrdiff_t>(static_cast<size_t>(row.row) * width), width,
                logits.begin() + static_cast<ptrdiff_t>(row.wanted * width));
  }
  return {};
}

bool StepPrograms::has_pools() const {
  for (const auto& device : pools_) {
    for (const DeviceBuffer& pool : device) {
      const auto is_donated = pool.is_donated();
      if (!is_donated.ok() || *is_donated) return false;
    }
  }
  return true;
}

}  // namespace puna::pjrt

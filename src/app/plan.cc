// Finds the model's config and the catalogue, measures this machine when it is asked about, and
// prints or writes what plan/ makes of them.

#include "app/plan.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "app/bench_machine.h"
#include "app/bench_report.h"
#include "app/open_generator.h"
#include "backend/cpu/machine_speed.h"
#include "backend/cpu/page_memory.h"
#include "base/mapped_file.h"
#include "base/suggestion.h"
#include "base/thread_pool.h"
#include "hub/hub.h"
#include "model/checkpoint.h"
#include "model/llama_shapes.h"
#include "model/model_folder.h"
#include "model/random_weights.h"
#include "plan/manifests.h"
#include "plan/planner.h"
#include "plan/report.h"
#include "plan/seed_table.h"
#include "terminal/status_line.h"
#include "terminal/terminal.h"

namespace puna {
namespace {

namespace fs = std::filesystem;

constexpr int kContextDefault = 4096;

// What of a model the planner needs; weights without values when there is only a config.
struct KnownModel {
  std::string name;
  std::string repository;  // that pods can fetch; empty: none
  LlamaConfig config;
  std::shared_ptr<const WeightSource> weights;
};

KnownModel of_config(const std::string& name, const LlamaConfig& config) {
  return {.name = name, .repository = {}, .config = config, .weights = random_weights(config, 0)};
}

Result<KnownModel> known_shape(const std::string& name) {
  const auto config = find_llama_shape(name);
  if (config) {
    KnownModel model = of_config(name, *config);
    model.repository = plan::repository_of_shape(name);
    return model;
  }
  const std::vector<std::string> names = llama_shape_names();
  std::string all;
  for (const std::string& one : names) all += " " + one;
  return invalid_argument(
      "{}: no such shape{} (there are{}), file or folder, and no repository's name (OWNER/NAME)",
      name, suggestion(name, names), all);
}

Result<KnownModel> read_config(const fs::path& file, const std::string& name) {
  constexpr size_t kConfigBytesMax = 16 << 20;
  ASSIGN_OR_RETURN(const std::string text, read_file(file, kConfigBytesMax));
  ASSIGN_OR_RETURN(const LlamaConfig config, parse_llama_config(text, file.string()));
  return of_config(name, config);
}

Result<KnownModel> of_checkpoint(const fs::path& path) {
  ASSIGN_OR_RETURN(const Checkpoint checkpoint, open_checkpoint(path));
  return KnownModel{.name = checkpoint.name,
                    .repository = {},
                    .config = checkpoint.config,
                    .weights = checkpoint.weights};
}

Result<KnownModel> of_folder(const fs::path& folder) {
  if (!first_file(folder, {".safetensors"}).empty()) return of_checkpoint(folder);
  if (!is_there(folder / "config.json")) {
    return error(StatusCode::kNotFound, "{}: neither a config.json nor weights in it",
                 folder.string());
  }
  return read_config(folder / "config.json", folder_name(folder));
}

Result<KnownModel> of_repository(const PlanCommand& command) {
  HubOptions hub;
  hub.revision = command.revision;
  hub.file = "config.json";
  hub.accept_license = command.accept_license;
  hub.confirm = [](std::string_view notice) { return ask(std::string(notice) + "\nAccept it?"); };
  ASSIGN_OR_RETURN(const fs::path file, resolve_model(command.model, hub));
  ASSIGN_OR_RETURN(KnownModel model, read_config(file, command.model));
  model.repository = command.model;
  return model;
}

Result<KnownModel> find_known_model(const PlanCommand& command) {
  if (!command.shape.empty()) return known_shape(command.shape);
  std::error_code ignored;
  if (!fs::exists(command.model, ignored) && command.model.find('/') == std::string::npos) {
    return known_shape(command.model);
  }
  ModelOptions options;
  options.model = command.model;
  RETURN_IF_ERROR(check_model_options(options));
  if (!fs::exists(command.model, ignored)) return of_repository(command);
  if (fs::is_directory(command.model, ignored)) return of_folder(command.model);
  return of_checkpoint(command.model);
}

Result<plan::Catalogue> read_catalogue(const PlanCommand& command) {
  if (command.catalogue.empty()) {
    return plan::parse_catalogue(plan::built_in_catalogue(), "catalogue.json");
  }
  ASSIGN_OR_RETURN(const std::string text, read_file(command.catalogue, plan::kCatalogueBytesMax));
  return plan::parse_catalogue(text, command.catalogue);
}

// This machine as the catalogue has others, its limits measured: a few seconds.
Result<plan::Instance> measure_here(const PlanCommand& command, const plan::Catalogue& catalogue) {
  constexpr int kReadings = 7;
  constexpr size_t kReadBytesMax = size_t{1} << 30;
  const size_t threads =
      command.threads > 0 ? static_cast<size_t>(command.threads) : usable_core_count();
  plan::Instance here;
  here.name = "here";
  here.vcpus = static_cast<int>(threads);
  here.device_count = 1;
  here.memory_bytes = static_cast<double>(available_memory_bytes());
  StatusLine line;
  line.show("measuring this machine");
  const size_t bytes = std::min(kReadBytesMax, static_cast<size_t>(here.memory_bytes / 8));
  ASSIGN_OR_RETURN(MachineSpeed machine, MachineSpeed::open(threads, bytes));
  std::vector<double> bandwidths;
  std::vector<double> operations;
  for (int i = 0; i < kReadings; ++i) {
    bandwidths.push_back(machine.read_bandwidth());
    operations.push_back(machine.int8_operations());
  }
  line.clear();
  here.device = catalogue.here;
  here.device.name = processor_name();
  here.device.bytes_per_second = median(bandwidths);
  here.device.operations_per_second = median(operations);
  return here;
}

Result<plan::PlanRequest> request_of(const PlanCommand& command, const KnownModel& model,
                                     const plan::Catalogue& catalogue) {
  constexpr int kPromptDefault = 512;
  constexpr int kAnswerDefault = 256;
  plan::PlanRequest request;
  request.model_name = model.name;
  request.config = model.config;
  request.weights = model.weights;
  request.context = command.context > 0
                        ? command.context
                        : std::min(kContextDefault, model.config.max_position_embeddings);
  const auto room = static_cast<int>(request.context);
  plan::Workload& work = request.workload;
  work.users = std::max(1, command.users);
  work.think_seconds = command.think_seconds;
  work.prompt_tokens = command.prompt_tokens > 0 ? command.prompt_tokens
                                                 : std::clamp(room * 2 / 3, 1, kPromptDefault);
  work.answer_tokens =
      command.answer_tokens > 0 ? command.answer_tokens : std::clamp(room / 3, 1, kAnswerDefault);
  if (command.tokens_per_second > 0) request.tokens_per_second = command.tokens_per_second;
  if (command.budget > 0) request.budget_month = command.budget;
  request.ttft_limit = command.ttft_ms / 1e3;
  request.tpot_limit = command.tpot_ms / 1e3;
  request.on = command.on;
  request.region = command.region;
  request.format = parse_weight_format(command.weights);
  if (command.on == "here") {
    ASSIGN_OR_RETURN(request.here, measure_here(command, catalogue));
  }
  return request;
}

// The way from `folder` to deploy/kubernetes of the checkout that it, or the working folder, is in.
Result<std::string> way_to_deploy(const fs::path& folder) {
  std::error_code ignored;
  for (const fs::path& start : {fs::absolute(folder), fs::current_path(ignored)}) {
    for (fs::path up = start;; up = up.parent_path()) {
      const fs::path deploy = up / "deploy/kubernetes";
      if (is_there(deploy / "base/kustomization.yaml")) {
        return fs::proximate(fs::weakly_canonical(deploy, ignored),
                             fs::weakly_canonical(fs::absolute(folder), ignored), ignored)
            .string();
      }
      if (!up.has_relative_path()) break;
    }
  }
  return error(StatusCode::kNotFound,
               "--write {}: no deploy/kubernetes in it, around it or around here; run this in a "
               "checkout of Puna, e.g. with --write deploy/kubernetes/overlays/mine",
               folder.string());
}

Status write_files(const PlanCommand& command, const KnownModel& model,
                   const plan::PlanRequest& request, const plan::Plan& plan) {
  if (command.on == "here") return invalid_argument("--write: not for --on here");
  if (model.repository.empty()) {
    return invalid_argument(
        "--write: pods fetch the model from a hub repository; name one instead of {}", model.name);
  }
  const fs::path folder = command.write;
  ASSIGN_OR_RETURN(const std::string deploy, way_to_deploy(folder));
  std::error_code failure;
  fs::create_directories(folder, failure);
  if (failure) {
    return error(StatusCode::kPermissionDenied, "--write {}: {}", command.write, failure.message());
  }
  for (const plan::WrittenFile& file :
       plan::manifests(plan.options.front(), request, model.repository, deploy)) {
    std::ofstream out(folder / file.name);
    out << file.text;
    if (!out.flush()) {
      return error(StatusCode::kResourceExhausted, "{}: cannot be written",
                   (folder / file.name).string());
    }
  }
  return {};
}

// The nearest thing when nothing does it.
Status no_choice(const plan::PlanRequest& request, const plan::Plan& plan) {
  if (!plan.options.empty()) {
    const plan::PlanOption& nearest = plan.options.front();
    return error(StatusCode::kOutOfRange, "nothing does all of it; {} is the nearest: {}",
                 nearest.instance.name, nearest.misses);
  }
  const plan::Refusal& first = plan.refused.front();
  if (!request.here) {
    return error(StatusCode::kResourceExhausted, "{} fits no machine of these: {}: {}",
                 request.model_name, first.instance, first.reason);
  }
  const MemoryUse wanted = {.format = WeightFormat::kBf16, .context = request.context};
  return error(StatusCode::kResourceExhausted, "{} does not fit here: {}", request.model_name,
               nearest_words(request.config, *request.weights, wanted,
                             static_cast<int64_t>(request.here->memory_bytes)));
}

Status run(const PlanCommand& command) {
  if (command.seed_table) {
    std::printf("%s", command.json ? (plan::seed_table_json().dump(2) + "\n").c_str()
                                   : plan::describe_seed_table().c_str());
    return {};
  }
  ASSIGN_OR_RETURN(const plan::Catalogue catalogue, read_catalogue(command));
  ASSIGN_OR_RETURN(const KnownModel model, find_known_model(command));
  ASSIGN_OR_RETURN(const plan::PlanRequest request, request_of(command, model, catalogue));
  ASSIGN_OR_RETURN(const plan::Plan plan, plan::make_plan(request, catalogue));
  const std::string text = command.json ? to_json(plan, request, catalogue).dump(2) + "\n"
                                        : describe(plan, request, catalogue);
  std::printf("%s", text.c_str());
  if (!plan.has_choice()) return no_choice(request, plan);
  return command.write.empty() ? Status() : write_files(command, model, request, plan);
}

}  // namespace

int run_plan(const PlanCommand& command) {
  const Status status = run(command);
  std::fflush(stdout);
  return status.ok() ? 0 : fail(status);
}

}  // namespace puna

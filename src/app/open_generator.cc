// Wiring: checkpoint -> tokenizer and chat template -> backend -> engine -> generator.

#include "app/open_generator.h"

#include <filesystem>
#include <limits>
#include <optional>

#include "app/calibration_tokens.h"
#include "app/device_options.h"
#include "app/model_parts.h"
#include "app/speculative_config.h"
#include "app/warm_prefix.h"
#include "backend/open_backend.h"
#include "backend/self_test.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mapped_file.h"
#include "hub/hub.h"
#include "model/checkpoint.h"
#include "terminal/terminal.h"

namespace puna {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDemoModel = "build/models/SmolLM2-135M-Instruct.Q4_1.gguf";
// What the seed system samples with when the checkpoint recommends nothing.
constexpr int kSeedTopK = 50;

constexpr const char* kSelfTestPrompt = "The capital of France is";

// Monotonic, shared by every engine of the process.
const SteadyClock& steady_clock() {
  static const SteadyClock clock;
  return clock;
}

Result<fs::path> find_demo_model() {
  std::error_code ignored;
  const fs::path program = fs::read_symlink("/proc/self/exe", ignored);
  // build/release/bin/puna lies three folders below the source tree.
  const fs::path tree = program.parent_path().parent_path().parent_path().parent_path();
  for (const fs::path& candidate : {fs::path(kDemoModel), tree / kDemoModel}) {
    if (fs::exists(candidate, ignored)) return candidate;
  }
  return error(
      StatusCode::kNotFound,
      "no MODEL given and the demo model ({}) is not here; run 'make fetch-models' or name "
      "a folder, a .gguf file or a hub repository",
      kDemoModel);
}

void apply_generation_config(const GenerationConfig& generation, SamplingParams& sampling) {
  sampling.top_k = generation.top_k.value_or(kSeedTopK);
  sampling.temperature = generation.temperature.value_or(sampling.temperature);
  if (generation.do_sample == false && !generation.temperature) sampling.temperature = 0;
  sampling.top_p = generation.top_p.value_or(sampling.top_p);
  sampling.repetition_penalty = generation.repetition_penalty.value_or(sampling.repetition_penalty);
}

bool is_token_count(const Json& value) {
  return value.is_number_integer() && value >= 1 && value <= std::numeric_limits<int>::max();
}

// --override-generation-config '{"temperature": 0}', in the words of generation_config.json.
Status override_generation_config(const std::string& text, GenerationConfig& generation) {
  if (text.empty()) return {};
  const auto parsed = parse_json(text);
  if (!parsed.ok() || !parsed->is_object()) {
    return invalid_argument("--override-generation-config: not a JSON object: {}",
                            parsed.ok() ? text : parsed.status().message());
  }
  for (const auto& [name, value] : parsed->items()) {
    if (!value.is_number()) {
      return invalid_argument("--override-generation-config: {} is not a number", name);
    }
    if (name == "temperature") {
      generation.temperature = value.get<double>();
    } else if (name == "top_p") {
      generation.top_p = value.get<double>();
    } else if (name == "top_k" && value.is_number_integer()) {
      generation.top_k = value.get<int>();
    } else if (name == "repetition_penalty") {
      generation.repetition_penalty = value.get<double>();
    } else if (name == "max_new_tokens" && is_token_count(value)) {
      generation.max_new_tokens = value.get<int>();
    } else {
      return invalid_argument(
          "--override-generation-config: {} is not one of temperature, top_p, top_k (an integer), "
          "repetition_penalty, max_new_tokens (an integer from 1)",
          name);
    }
  }
  return {};
}

BackendOptions backend_options(const ModelOptions& options) {
  BackendOptions backend;
  backend.max_model_len = options.max_model_len;
  backend.max_num_seqs = options.max_num_seqs;
  backend.step_tokens_max = options.max_num_batched_tokens;
  backend.kv_cache_bytes = options.kv_cache_memory_bytes;
  if (options.backend == "fake") {
    backend.device = FakeOptions{.step_microseconds = options.fake_step_microseconds,
                                 .is_endless = options.fake_endless,
                                 .is_repetitive = options.fake_repetitive};
    return backend;
  }
  if (options.backend == "pjrt") {
    backend.device = pjrt_options(options, options.weights, options.kv_cache_dtype);
    return backend;
  }
  CpuOptions& cpu = backend.cpu();
  cpu.weights = parse_weight_format(options.weights);
  cpu.weight_group = options.group;
  cpu.kv_cache_type = parse_kv_cache_type(options.kv_cache_dtype);
  cpu.thread_count = options.threads;
  cpu.packed_weights = options.packed_weights;
  return backend;
}

Status check_model_name(const ModelOptions& options) {
  if (options.backend == "fake") return {};
  if (options.model.empty()) return find_demo_model().status();
  std::error_code ignored;
  if (fs::exists(options.model, ignored)) return {};
  const bool is_path = options.model.ends_with(".gguf") || options.model.starts_with('/') ||
                       options.model.starts_with('.');
  if (!is_path && is_repo_id(options.model)) return {};
  return error(StatusCode::kNotFound,
               "{}: no such file or folder, and no repository's name (OWNER/NAME)", options.model);
}

// What a flag names.
Status check_path(std::string_view flag, const fs::path& path, bool is_folder) {
  std::error_code failure;
  const fs::file_status status = fs::status(path, failure);
  if (is_folder ? fs::is_directory(status) : fs::is_regular_file(status)) return {};
  const char* kind = is_folder ? "folder" : "file";
  return fs::exists(status)
             ? invalid_argument("{} {}: not a {}", flag, path.string(), kind)
             : error(StatusCode::kNotFound, "{} {}: no such {}", flag, path.string(), kind);
}

}  // namespace

Status check_model_options(const ModelOptions& options) {
  RETURN_IF_ERROR(check_device_options(options, options.backend, options.group));
  RETURN_IF_ERROR(check_model_name(options));
  for (const std::string& adapter : options.adapters) {
    RETURN_IF_ERROR(check_path("--adapter", adapter, true));
  }
  const std::string& packed = options.packed_weights;
  if (!packed.empty() && packed != "auto" && packed != "off") {
    RETURN_IF_ERROR(check_path("--packed-weights", packed, false));
  }
  RETURN_IF_ERROR(check_chat_template(options.chat_template));
  if (!options.warm_prefix.empty()) {
    RETURN_IF_ERROR(read_warm_prefix(options.warm_prefix).status());
    if (!options.enable_prefix_caching) {
      return invalid_argument(
          "--warm-prefix keeps what --no-enable-prefix-caching throws away; leave one of them out");
    }
  }
  RETURN_IF_ERROR(speculation_options(options).status());
  GenerationConfig ignored;
  return override_generation_config(options.override_generation_config, ignored);
}

Result<fs::path> find_model(const ModelOptions& options) {
  if (options.model.empty()) return find_demo_model();
  std::error_code ignored;
  if (fs::exists(options.model, ignored)) return fs::path(options.model);
  HubOptions hub;
  hub.revision = options.revision;
  hub.accept_license = options.accept_license;
  hub.confirm = [](std::string_view notice) { return ask(std::string(notice) + "\nAccept it?"); };
  return resolve_model(options.model, hub);
}

Result<Checkpoint> open_model(const ModelOptions& options) {
  ASSIGN_OR_RETURN(const fs::path path, find_model(options));
  ASSIGN_OR_RETURN(Checkpoint checkpoint, open_checkpoint(path));
  for (const std::string& adapter : options.adapters) {
    RETURN_IF_ERROR(apply_adapter(checkpoint, adapter));
    log_info("merged adapter {}", adapter);
  }
  log_info("{}: {}", path.string(), describe(checkpoint.config));
  return checkpoint;
}

Result<std::string> compile_model(const ModelOptions& options) {
  if (options.backend != "pjrt") {
    return invalid_argument("--backend {}: only programs of --backend pjrt are compiled",
                            options.backend);
  }
  if (options.executable_store == "off") {
    return invalid_argument("--executable-store off: there is no place for what is compiled");
  }
  RETURN_IF_ERROR(check_model_options(options));
  ASSIGN_OR_RETURN(const Checkpoint checkpoint, open_model(options));
  return compile_programs(backend_options(options), checkpoint);
}

Result<std::shared_ptr<Generator>> open_generator(const ModelOptions& options,
                                                  std::vector<std::string> served_names,
                                                  const StartProgress& on_progress) {
  const auto started = steady_clock().now();
  std::optional<Checkpoint> checkpoint;
  if (options.backend != "fake") {
    ASSIGN_OR_RETURN(checkpoint, open_model(options));
  }
  ASSIGN_OR_RETURN(ModelParts parts, checkpoint
                                         ? open_model_parts(*checkpoint, options.chat_template)
                                         : fake_model_parts(options.chat_template));
  RETURN_IF_ERROR(override_generation_config(options.override_generation_config, parts.generation));

  BackendOptions wanted = backend_options(options);
  if (auto* cpu = std::get_if<CpuOptions>(&wanted.device)) {
    cpu->calibration_tokens = [&] { return calibration_tokens(*parts.tokenizer); };
  }
  if (auto* pjrt = std::get_if<PjrtOptions>(&wanted.device)) pjrt->on_progress = on_progress;
  ASSIGN_OR_RETURN(auto backend, open_backend(wanted, checkpoint ? &*checkpoint : nullptr));
  log_info("{}", backend->describe());
  ASSIGN_OR_RETURN(const auto test_prompt, parts.tokenizer->encode_plain(kSelfTestPrompt));
  RETURN_IF_ERROR(self_test(*backend, test_prompt));
  const int vocab_size = backend->limits().vocab_size;
  EngineOptions engine_options;
  engine_options.max_num_seqs = options.max_num_seqs;
  engine_options.waiting_max = options.max_num_queued_reqs;
  engine_options.step_tokens_max = options.max_num_batched_tokens;
  engine_options.has_priorities = options.scheduling_policy == "priority";
  engine_options.step_seconds_max = options.max_step_ms / 1000.0;
  engine_options.enable_prefix_caching = options.enable_prefix_caching;
  ASSIGN_OR_RETURN(engine_options.speculation, speculation_options(options));
  engine_options.eos_token_ids = parts.end_tokens;
  ASSIGN_OR_RETURN(auto engine, Engine::start(std::move(backend), engine_options, steady_clock()));

  GeneratorOptions generator_options;
  if (served_names.empty()) served_names.push_back(parts.name);
  generator_options.model_name = served_names.front();
  generator_options.model_aliases.assign(served_names.begin() + 1, served_names.end());
  generator_options.bos_token = parts.bos_token;
  generator_options.eos_token = parts.eos_token;
  generator_options.adapters = parts.adapters;
  generator_options.default_max_tokens = options.default_max_tokens > 0
                                             ? options.default_max_tokens
                                             : parts.generation.max_new_tokens.value_or(0);
  generator_options.max_num_seqs = options.max_num_seqs;
  generator_options.queued_tokens_max = options.max_num_queued_tokens;
  if (options.truncation == "drop_oldest_turns") {
    generator_options.truncation = Truncation::kDropOldestTurns;
  }
  generator_options.prefix_cache_per_key = options.prefix_cache_per_key;
  if (!options.kv_cache_dtype.empty()) generator_options.kv_cache_dtype = options.kv_cache_dtype;
  apply_generation_config(parts.generation, generator_options.default_sampling);
  RETURN_IF_ERROR(validate(generator_options.default_sampling, vocab_size)
                      .with_context("generation_config.json or --override-generation-config"));
  auto generator =
      std::make_shared<Generator>(std::move(parts.tokenizer), std::move(parts.chat_template),
                                  std::move(engine), std::move(generator_options), steady_clock());
  if (!options.warm_prefix.empty()) {
    ASSIGN_OR_RETURN(const WarmPrefix prefix, read_warm_prefix(options.warm_prefix));
    RETURN_IF_ERROR(warm(prefix, *generator));
  }
  const std::chrono::duration<double> taken = steady_clock().now() - started;
  log_info("{} loaded in {:.2f} s", generator->model().name, taken.count());
  return generator;
}

}  // namespace puna

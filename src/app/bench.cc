// Opens the model as a server would, fills the KV blocks, and runs every test once a round, so that
// a noisy minute slows all tests alike; the machine's limits are measured before each test.

#include "app/bench.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>

#include "app/bench_machine.h"
#include "app/bench_report.h"
#include "app/bench_runner.h"
#include "app/bench_served.h"
#include "app/device_options.h"
#include "app/open_generator.h"
#include "backend/cpu/machine_speed.h"
#include "backend/open_backend.h"
#include "base/bytes.h"
#include "base/log.h"
#include "base/suggestion.h"
#include "base/thread_pool.h"
#include "model/llama_shapes.h"
#include "model/model_sizes.h"
#include "model/random_weights.h"
#include "terminal/status_line.h"
#include "terminal/terminal.h"

namespace puna {
namespace {

constexpr uint64_t kWeightSeed = 1;
constexpr int kFirstPromptTokens = 64;
constexpr int64_t kReadArrayBytesMax = int64_t{1} << 30;
constexpr int64_t kReadArrayBytesMin = int64_t{64} << 20;
// Activations of a step, the read array's share and what else a process needs.
constexpr int64_t kReservedBytes = int64_t{512} << 20;

int64_t read_array_bytes() {
  return std::clamp(available_memory_bytes() / 8, kReadArrayBytesMin, kReadArrayBytesMax);
}

// --layers, and room for every test's positions: beyond the model's own they are only angles.
Status adjust_config(const BenchOptions& options, LlamaConfig& config) {
  if (options.layers > config.num_hidden_layers) {
    return invalid_argument("--layers {}: the model has {}", options.layers,
                            config.num_hidden_layers);
  }
  if (options.layers > 0) config.num_hidden_layers = options.layers;
  for (const BenchTest& test : bench_tests(options)) {
    config.max_position_embeddings = std::max(config.max_position_embeddings, test.positions());
  }
  return {};
}

Result<Checkpoint> random_checkpoint(const BenchOptions& options, StatusLine& line) {
  const auto config = find_llama_shape(options.shape);
  if (!config) {
    const std::vector<std::string> names = llama_shape_names();
    std::string all;
    for (const std::string& name : names) all += " " + name;
    return invalid_argument("--shape {}: no such shape{}; there are{}", options.shape,
                            suggestion(options.shape, names), all);
  }
  Checkpoint checkpoint;
  checkpoint.name = options.shape;
  checkpoint.format = "random";
  checkpoint.config = *config;
  RETURN_IF_ERROR(adjust_config(options, checkpoint.config));
  const int64_t total = checkpoint.config.parameter_count();
  const auto done = std::make_shared<std::atomic<int64_t>>(0);
  checkpoint.weights = random_weights(checkpoint.config, kWeightSeed, [=, &line](int64_t count) {
    const int64_t made = *done += count;
    if (!line.is_due()) return;
    line.show(
        fmt::format("making random weights: {} %", std::min<int64_t>(100, 100 * made / total)));
  });
  return checkpoint;
}

Result<Checkpoint> open_model(const BenchOptions& options, StatusLine& line) {
  if (!options.shape.empty()) return random_checkpoint(options, line);
  ModelOptions model;
  model.model = options.model;
  ASSIGN_OR_RETURN(const auto path, find_model(model));
  ASSIGN_OR_RETURN(Checkpoint checkpoint, open_checkpoint(path));
  RETURN_IF_ERROR(adjust_config(options, checkpoint.config));
  return checkpoint;
}

int64_t blocks_needed(const std::vector<BenchTest>& tests, int block_tokens) {
  int64_t blocks = 0;
  for (const BenchTest& test : tests) blocks = std::max(blocks, test.block_count(block_tokens));
  return blocks;
}

// The tests whose KV blocks there is room for; says which are left out.
std::vector<BenchTest> tests_that_fit(const std::vector<BenchTest>& tests, int64_t block_count,
                                      int64_t block_bytes, int block_tokens) {
  std::vector<BenchTest> fitting;
  for (const BenchTest& test : tests) {
    const int64_t needed = test.block_count(block_tokens);
    if (needed <= block_count) {
      fitting.push_back(test);
    } else {
      log_warning("{} is left out: its KV cache takes {} and there is room for {}", describe(test),
                  describe_bytes(needed * block_bytes), describe_bytes(block_count * block_bytes));
    }
  }
  return fitting;
}

int64_t weight_bytes(const Checkpoint& checkpoint, const CpuOptions& options) {
  const int group =
      options.weight_group > 0 ? options.weight_group : default_weight_group(*options.weights);
  return weight_sizes(checkpoint.config, *checkpoint.weights, *options.weights, group).bytes;
}

int64_t block_bytes_of(const LlamaConfig& config, const CpuOptions& options) {
  const bool is_f32 = options.weights == WeightFormat::kF32;
  return kv_block_bytes(
      config, options.kv_cache_type.value_or(is_f32 ? KvCacheType::kF32 : KvCacheType::kBf16));
}

// An opened model and the tests that its memory has room for.
struct BenchSetup {
  std::unique_ptr<MeasuredBackend> backend;
  std::vector<BenchTest> tests;
};

bool is_on_devices(const BenchOptions& options) { return options.backend == "pjrt"; }

// The format: what is mostly served on that backend.
std::string weights_of(const BenchOptions& options) {
  if (!options.weights.empty()) return options.weights;
  return is_on_devices(options) ? "bf16" : "int8";
}

Result<CpuOptions> cpu_options(const BenchOptions& options) {
  CpuOptions cpu;
  cpu.weights = parse_weight_format(weights_of(options));
  if (!cpu.weights) {
    return error(StatusCode::kUnimplemented, "--weights {}: not in this version", options.weights);
  }
  if (options.group > 0 && !has_groups(*cpu.weights)) {
    return invalid_argument("--group {}: {} weights have no groups", options.group,
                            options.weights);
  }
  cpu.weight_group = options.group;
  // A file of fewer layers would pass for the whole model's.
  if (options.layers > 0 && options.packed_weights != "off") {
    return invalid_argument("--packed-weights {}: not with --layers", options.packed_weights);
  }
  cpu.packed_weights = options.packed_weights;
  cpu.kv_cache_type = parse_kv_cache_type(options.kv_cache_dtype);
  cpu.thread_count = options.threads;
  return cpu;
}

Result<BackendOptions> backend_options(const BenchOptions& options,
                                       const std::vector<BenchTest>& tests) {
  RETURN_IF_ERROR(check_device_options(options, options.backend, options.group));
  BackendOptions backend;
  if (is_on_devices(options)) {
    backend.device = pjrt_options(options, weights_of(options), options.kv_cache_dtype);
  } else {
    ASSIGN_OR_RETURN(backend.device, cpu_options(options));
  }
  backend.step_tokens_max = kBenchStepTokens;
  backend.max_num_seqs = 1;
  for (const BenchTest& test : tests) {
    backend.max_num_seqs = std::max(backend.max_num_seqs, test.batch);
    backend.step_tokens_max = std::max(backend.step_tokens_max, test.batch);
    backend.max_model_len = std::max(backend.max_model_len, test.positions());
  }
  return backend;
}

Status nothing_fits() {
  return error(StatusCode::kResourceExhausted,
               "there is nothing to measure: choose tests with --prefill, --decode, --batch and "
               "--depth that fit into memory, or fewer --layers");
}

// Devices plan their own memory: what they have after weights and a step is for tests.
Result<BenchSetup> open_device_setup(const BenchOptions& options, const Checkpoint& checkpoint,
                                     StatusLine& line) {
  BenchSetup setup;
  setup.tests = bench_tests(options);
  if (setup.tests.empty()) return nothing_fits();
  ASSIGN_OR_RETURN(BackendOptions backend, backend_options(options, setup.tests));
  std::get<PjrtOptions>(backend.device).on_progress = [&](const std::string& what) {
    line.show(what);
  };
  ASSIGN_OR_RETURN(setup.backend, open_measured_backend(backend, checkpoint));
  const int block_tokens = setup.backend->traits().block_tokens;
  setup.tests =
      tests_that_fit(setup.tests, setup.backend->limits().block_count,
                     setup.backend->memory().kv_bytes_per_token * block_tokens, block_tokens);
  std::erase_if(setup.tests, [&](const BenchTest& test) {
    return test.batch > setup.backend->limits().step_runs_max;
  });
  if (setup.tests.empty()) return nothing_fits();
  return setup;
}

Result<BenchSetup> open_setup(const BenchOptions& options, const Checkpoint& checkpoint) {
  BenchSetup setup;
  setup.tests = bench_tests(options);
  ASSIGN_OR_RETURN(BackendOptions backend, backend_options(options, setup.tests));
  const int64_t block_bytes = block_bytes_of(checkpoint.config, backend.cpu());
  const int64_t room = available_memory_bytes() - kReservedBytes - read_array_bytes() -
                       weight_bytes(checkpoint, backend.cpu());
  const int block_tokens = measured_traits().block_tokens;
  setup.tests = tests_that_fit(setup.tests, std::max<int64_t>(0, room) / block_bytes, block_bytes,
                               block_tokens);
  if (setup.tests.empty()) return nothing_fits();
  ASSIGN_OR_RETURN(backend, backend_options(options, setup.tests));
  backend.kv_cache_bytes = blocks_needed(setup.tests, block_tokens) * block_bytes;
  ASSIGN_OR_RETURN(setup.backend, open_measured_backend(backend, checkpoint));
  setup.tests =
      tests_that_fit(setup.tests, setup.backend->limits().block_count, block_bytes, block_tokens);
  return setup;
}

// Random weights have no tokenizer.
Result<std::unique_ptr<ServedRunner>> open_served(Backend& backend, const TokenizerSource& source) {
  std::unique_ptr<Tokenizer> tokenizer;
  if (source.gguf != nullptr || !source.folder.empty()) {
    ASSIGN_OR_RETURN(tokenizer, load_tokenizer(source));
  }
  return ServedRunner::open(backend, std::move(tokenizer), backend.limits().step_runs_max);
}

// What the machine, or the devices, give at most; read between the tests.
class LimitsReader {
 public:
  static Result<LimitsReader> open(MeasuredBackend& backend, int threads) {
    LimitsReader reader(backend);
    ASSIGN_OR_RETURN(const std::optional<DeviceLimits> limits, backend.device_limits());
    if (limits) return reader;
    ASSIGN_OR_RETURN(reader.machine_, MachineSpeed::open(static_cast<size_t>(threads),
                                                         static_cast<size_t>(read_array_bytes())));
    return reader;
  }

  Status read() {
    if (machine_) {
      bandwidths_.push_back(machine_->read_bandwidth());
      operations_.push_back(machine_->int8_operations());
      return {};
    }
    ASSIGN_OR_RETURN(const std::optional<DeviceLimits> limits, backend_->device_limits());
    bandwidths_.push_back(limits->read_bandwidth);
    operations_.push_back(limits->operations);
    return {};
  }

  BenchLimits medians() const {
    return {.read_bandwidth = median(bandwidths_), .operations = median(operations_)};
  }

 private:
  explicit LimitsReader(MeasuredBackend& backend) : backend_(&backend) {}

  MeasuredBackend* backend_;
  std::optional<MachineSpeed> machine_;
  std::vector<double> bandwidths_;
  std::vector<double> operations_;
};

// Every test once a round, each with a reading of the limits.
Status measure(const BenchOptions& options, const TokenizerSource& tokenizer, BenchSetup& setup,
               BenchReport& report, StatusLine& line) {
  line.show("writing the KV cache");
  setup.backend->fill_blocks();
  ASSIGN_OR_RETURN(LimitsReader limits, LimitsReader::open(*setup.backend, report.threads));
  BenchRunner runner(*setup.backend);
  std::unique_ptr<ServedRunner> served;
  if (options.served) {
    ASSIGN_OR_RETURN(served, open_served(*setup.backend, tokenizer));
  }
  for (const BenchTest& test : setup.tests) report.results.push_back({.test = test, .seconds = {}});
  for (int round = 0; round < options.rounds; ++round) {
    for (BenchResult& result : report.results) {
      line.show(
          fmt::format("round {} of {}: {}", round + 1, options.rounds, describe(result.test)));
      RETURN_IF_ERROR(limits.read());
      const bool is_served = result.test.kind == BenchKind::kServed;
      ASSIGN_OR_RETURN(const double seconds,
                       is_served ? served->run(result.test) : runner.run(result.test));
      result.seconds.push_back(seconds);
    }
  }
  report.limits = limits.medians();
  return {};
}

Result<BenchReport> bench(const BenchOptions& options, StatusLine& line) {
  ASSIGN_OR_RETURN(const Checkpoint checkpoint, open_model(options, line));
  const auto start = std::chrono::steady_clock::now();
  ASSIGN_OR_RETURN(BenchSetup setup, is_on_devices(options)
                                         ? open_device_setup(options, checkpoint, line)
                                         : open_setup(options, checkpoint));
  const std::chrono::duration<double> load_time = std::chrono::steady_clock::now() - start;
  BenchReport report;
  report.cpu = processor_name();
  report.cores = static_cast<int>(usable_core_count());
  report.isa = setup.backend->kernels();
  report.model_name = checkpoint.name;
  report.config = checkpoint.config;
  report.memory = setup.backend->memory();
  report.weights = weights_of(options);
  report.backend = options.backend;
  if (is_on_devices(options)) report.operation_type = report.weights == "f32" ? "f32" : "bf16";
  report.threads = options.threads > 0 ? options.threads : report.cores;
  report.load_seconds = load_time.count();
  report.rounds = options.rounds;
  // A first prompt gives the step its buffers, as in a server that has just begun.
  line.show("a first prompt");
  BenchRunner runner(*setup.backend);
  BenchTest first{.kind = BenchKind::kPrefill,
                  .tokens = std::min(kFirstPromptTokens, setup.backend->limits().max_model_len)};
  if (setup.tests.front().kind == BenchKind::kPrefill) first.tokens = setup.tests.front().tokens;
  RETURN_IF_ERROR(runner.run(first).status());
  setup.backend->settle();
  report.resident_bytes = resident_bytes();
  RETURN_IF_ERROR(measure(options, checkpoint.tokenizer, setup, report, line));
  return report;
}

}  // namespace

int run_bench(const BenchOptions& options) {
  StatusLine line;
  const auto report = bench(options, line);
  line.clear();
  if (!report.ok()) return fail(report.status());
  if (options.json) {
    std::printf("%s\n", to_json(*report).dump(2).c_str());
  } else {
    std::printf("%s", describe(*report).c_str());
  }
  return 0;
}

}  // namespace puna

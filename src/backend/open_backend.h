// open_backend(): the only place that knows the concrete backends.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "backend/backend.h"
#include "backend/measured_backend.h"
#include "model/checkpoint.h"
#include "model/formats.h"

namespace puna {

// Of the CPU backend.
struct CpuOptions {
  std::optional<WeightFormat> weights;  // empty: chosen from memory and checkpoint, said in the log
  int weight_group = 0;  // consecutive inputs that share a scale: 32, 64, 128; 0: chosen
  std::optional<KvCacheType> kv_cache_type;  // empty: f32 with f32 weights, else bf16
  int thread_count = 0;                      // 0: all usable cores
  // What the model reads before its weights are quantised to int4, asked for only then; none: not
  // calibrated.
  std::function<std::vector<TokenId>()> calibration_tokens;
  // Where packed weights are kept between starts: "auto" (the cache), "off" (nowhere), or a file
  // that `puna quantize --output` made.
  std::string packed_weights = "off";
};

// Of the fake, for tests of what lies above a backend.
struct FakeOptions {
  int step_microseconds = 0;  // so that tests of streaming see time pass
  bool is_endless = false;    // its text never ends by itself
  bool is_repetitive = false;
};

// Of devices behind a PJRT plugin.
struct PjrtOptions {
  std::string device = "auto";  // that, "cpu", "cuda", "neuron", "tpu" or a plugin's file
  int tp_degree = 1;
  std::optional<WeightFormat> weights = {};       // f32, bf16 or int8; empty: the platform's
  std::optional<KvCacheType> kv_cache_type = {};  // f32 or bf16; empty: as the weights
  std::vector<std::string> client_options = {};   // "name=value", for the plugin
  std::string program_folder = {};       // where programs are written as text; empty: nowhere
  std::string executable_store = "off";  // "auto" (the cache), "off" or a folder
  double memory_utilization = 0.9;       // share of a device's memory that may be used
  bool batch_invariance = true;          // only programs whose bits agree are used
  // What the start is doing, in words for clients.
  std::function<void(const std::string&)> on_progress = [](const std::string&) {};
};

// What every backend is asked for, and what only one kind has.
struct BackendOptions {
  int max_model_len = 0;  // 0: the model's own, as far as KV memory allows
  int max_num_seqs = 64;  // runs in a step
  int step_tokens_max = 512;
  int64_t kv_cache_bytes = 0;  // 0: chosen from memory
  std::variant<CpuOptions, FakeOptions, PjrtOptions> device;

  CpuOptions& cpu() { return std::get<CpuOptions>(device); }
  const CpuOptions& cpu() const { return std::get<CpuOptions>(device); }
};

// `checkpoint` may be null for the fake only. Its weights are read during the call and not kept.
Result<std::unique_ptr<Backend>> open_backend(const BackendOptions& options,
                                              const Checkpoint* checkpoint);
// Compiles what a PJRT backend with these options runs, for its later starts; says what was done.
Result<std::string> compile_programs(const BackendOptions& options, const Checkpoint& checkpoint);
// One that is measured: the CPU backend, or one of devices.
Result<std::unique_ptr<MeasuredBackend>> open_measured_backend(const BackendOptions& options,
                                                               const Checkpoint& checkpoint);
const BackendTraits& measured_traits();  // of the CPU's, known before it is open

}  // namespace puna

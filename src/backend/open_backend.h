// open_backend(): the only place that knows the concrete backends by name.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "backend/formats.h"
#include "model/checkpoint.h"

namespace puna {

struct BackendOptions {
  std::string name = "cpu";             // "cpu" or "fake"
  std::optional<WeightFormat> weights;  // empty: chosen from memory and checkpoint, said in the log
  int weight_group = 0;  // consecutive inputs that share a scale: 32, 64, 128; 0: chosen
  std::optional<KvCacheType> kv_cache_type;  // empty: f32 with f32 weights, else bf16
  int thread_count = 0;                      // 0: all usable cores
  int max_model_len = 0;                     // 0: the model's own, as far as KV memory allows
  int max_num_seqs = 64;                     // runs in a step
  int step_tokens_max = 512;
  int64_t kv_cache_bytes = 0;  // 0: chosen from memory
  // What the model reads before its weights are quantised to int4, asked for only then; none: not
  // calibrated.
  std::function<std::vector<TokenId>()> calibration_tokens;
  // Where packed weights are kept between starts: "auto" (the cache), "off" (nowhere), or a file
  // that `puna quantize --output` made.
  std::string packed_weights = "off";
  // fake only: microseconds a step takes, so that tests of streaming see time pass, and texts that
  // never end by themselves, so that tests of what happens in the middle of one are not left to
  // luck
  int fake_step_microseconds = 0;
  bool fake_endless = false;
};

// `checkpoint` may be null for "fake" only. Its weights are read during the call and not kept.
Result<std::unique_ptr<Backend>> open_backend(const BackendOptions& options,
                                              const Checkpoint* checkpoint);

}  // namespace puna

// What a model takes of one memory: weights, K and V of so many streams, and what a step needs
// beside them. Whoever says that something fits, or what else would, says it by this.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "model/formats.h"
#include "model/llama_config.h"
#include "model/weight_source.h"

namespace puna {

// How a model is held, and for whom.
struct MemoryUse {
  WeightFormat format = WeightFormat::kBf16;
  int group = 0;  // weights that share a scale; 0: the format's own
  KvCacheType kv_type = KvCacheType::kBf16;
  int64_t context = 0;  // positions of each stream
  int64_t streams = 1;
  int64_t step_tokens = 512;
  int kv_part = 1;  // K and V take at most one of so many parts of what is left for them
};

struct MemoryNeed {
  int64_t weight_bytes = 0;
  int64_t kv_bytes = 0;
  int64_t scratch_bytes = 0;  // activations and logits of a step

  int64_t total() const;
};

// Sums that 64 bits do not hold are INT64_MAX.
MemoryNeed memory_need(const LlamaConfig& config, const WeightSource& source, const MemoryUse& use);

// Streams of `context` positions that `bytes` hold beside weights and scratch; 0: none.
int64_t streams_that_fit(const LlamaConfig& config, const MemoryNeed& need, const MemoryUse& use,
                         int64_t bytes);

// The nearest to `wanted` that `bytes` hold, weights' bits before length: the first format of int8
// and int4 (after the wanted one) that leaves room for a stream, as long as there is room for, of
// at least 256 positions.
std::optional<MemoryUse> nearest_use(const LlamaConfig& config, const WeightSource& source,
                                     const MemoryUse& wanted, int64_t bytes);

// What would fit into `bytes` when `wanted` does not, in the words of puna's flags: "--weights int4
// --max-model-len 2048 would fit (5.1 GB)"; else the largest known model that does.
std::string nearest_words(const LlamaConfig& config, const WeightSource& source,
                          const MemoryUse& wanted, int64_t bytes);

}  // namespace puna

// What fits into memory: the weight format, the length of a sequence, and the number of KV blocks.
#pragma once

#include "backend/backend.h"
#include "backend/cpu/kv_cache.h"
#include "backend/open_backend.h"

namespace puna {

// The format that was asked for, else bf16 for a small model, else the checkpoint's own bits, else
// bf16, int8 or int4, the first that leaves room. Never int4 with a merged adapter.
// kResourceExhausted when it does not fit into `available_bytes`.
Result<WeightFormat> choose_weight_format(const CpuOptions& options, const Checkpoint& checkpoint,
                                          int64_t available_bytes);

// The largest group of int8 or int4 weights: what was asked for, or the format's own.
int choose_weight_group(const CpuOptions& options, WeightFormat format);

// Limits of a backend whose weights are loaded already. Without options.kv_cache_bytes the cache
// takes what all sequences can use, at most half of what `available_bytes` leave beside a step.
Result<BackendLimits> choose_limits(const BackendOptions& options, const LlamaConfig& config,
                                    KvCacheType kv_type, int64_t available_bytes);

}  // namespace puna

// What the linear layers of a Llama see while it reads a calibration text: the importance of their
// input channels, for quantising to 4 bits.
#pragma once

#include <functional>
#include <span>

#include "backend/cpu/cpu_weights.h"
#include "backend/cpu/kernels.h"
#include "base/thread_pool.h"
#include "model/llama_config.h"
#include "quantise/importance.h"

namespace puna {

// Runs the model over `tokens`, in sequences of at most 512 that do not see each other. `weights`
// are held in any format; int8 is close enough. `on_tokens` is told how many were just read.
Result<Importance> measure_importance(const LlamaConfig& config, const CpuWeights& weights,
                                      const Kernels& kernels, std::span<const TokenId> tokens,
                                      ThreadPool& pool,
                                      const std::function<void(size_t)>& on_tokens = {});

}  // namespace puna

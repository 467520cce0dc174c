// Weights of a Llama that nobody trained: made on the fly from a counter, for measuring speed
// without a file.
//
// Matrices are spread evenly around zero with the standard deviation that Llamas begin training
// with, norms are one and biases zero, so that logits stay finite. The same seed gives the same
// weights, in whatever order rows are read; about a billion values a second and core.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "model/llama_config.h"
#include "model/weight_source.h"

namespace puna {

// `on_values` is told how many values were just read, from any thread; it may be empty.
std::shared_ptr<const WeightSource> random_weights(
    const LlamaConfig& config, uint64_t seed, std::function<void(int64_t count)> on_values = {});

}  // namespace puna

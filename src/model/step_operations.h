// What a step of a Llama computes, in multiplications and additions (two for each weight and
// token): for whoever compares a measured or a coming speed with a device's peak.
#pragma once

#include "model/llama_config.h"

namespace puna {

// Weights that every token is multiplied with, without the head.
double layer_weight_count(const LlamaConfig& config);
double head_weight_count(const LlamaConfig& config);

// Two products of a head's query, key and value with each position, over all heads and layers.
double attention_operations(const LlamaConfig& config, double positions);

}  // namespace puna

// CpuWeights: all weights of a Llama, packed for the kernels.
#pragma once

#include <optional>
#include <vector>

#include "backend/cpu/packed_matrix.h"
#include "model/llama_config.h"

namespace puna {

struct CpuLayer {
  std::vector<float> input_norm, post_attention_norm;  // [hidden_size padded to kGroupMax]
  PackedMatrix qkv;                                    // rows of q, then k, then v
  PackedMatrix o;
  PackedMatrix gate_up;  // rows of gate, then up
  PackedMatrix down;
};

struct CpuWeights {
  WeightFormat format = WeightFormat::kF32;
  PackedMatrix embedding;               // an output is a token
  std::optional<PackedMatrix> lm_head;  // empty: the embedding
  std::vector<float> norm;
  std::vector<CpuLayer> layers;

  size_t bytes() const;
  // Of the layers' largest matrices; 0 when the format has no scales.
  size_t group() const;
};

// `group_max` bounds the groups of int8 and int4.
Result<CpuWeights> load_cpu_weights(const LlamaConfig& config, const WeightSource& source,
                                    WeightFormat format, size_t group_max, ThreadPool& pool);

}  // namespace puna

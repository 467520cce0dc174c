// What a Llama takes in memory, by weight format and KV type, and what becomes of each matrix: the
// CPU backend packs by these rules, and whoever asks for a size before asks here.
//
// Matrices are held in panels of 32 rows, the last one padded, rows padded to whole groups; K and V
// in blocks of 64 positions. Norms and biases, some thousandths, are left out.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "model/formats.h"
#include "model/llama_config.h"
#include "model/weight_source.h"

namespace puna {

inline constexpr int kPanelRows = 32;
inline constexpr int kWeightGroupMax = 128;  // of weights that share a scale, neighbours in a row
inline constexpr int kKvBlockPositions = 64;
inline constexpr int kVectorFloats = 16;  // what rows of V and of activations are padded to

// How one matrix is held.
struct HeldMatrix {
  WeightFormat format = WeightFormat::kF32;
  int group = 32;             // weights that share a scale; without scales, what rows are padded to
  bool symmetric = true;      // int4 only: no offsets
  bool takes_values = false;  // over from the checkpoint, which has them in this very format
};

// A matrix of the forward pass, by the tensors whose rows it stacks.
struct StackedMatrix {
  std::vector<std::string> tensors;
  int64_t rows = 0;
  int64_t columns = 0;
  bool is_outer = false;  // the embedding or the head
};

// Where int4 is asked for, what keeps more bits: embedding and head, whose accuracy four bits cost
// most, and what the checkpoint itself holds in more.
WeightFormat held_format(const WeightSource& source, std::span<const std::string> tensors,
                         bool is_outer, WeightFormat asked);
// The rest: 4-bit or 8-bit values of the checkpoint keep its groups, others get the largest group
// up to `group_max` that a row is a multiple of.
HeldMatrix held_matrix(const WeightSource& source, std::span<const std::string> tensors,
                       WeightFormat format, int group_max);
int64_t matrix_bytes(const HeldMatrix& held, int64_t rows, int64_t columns);

std::vector<StackedMatrix> stacked_matrices(const LlamaConfig& config);

struct WeightSizes {
  int64_t bytes = 0;
  int64_t embedding_bytes = 0;     // of these
  bool quantises_to_int4 = false;  // some matrix, whose 4-bit values the checkpoint does not have
};
WeightSizes weight_sizes(const LlamaConfig& config, const WeightSource& source, WeightFormat format,
                         int group_max);

// What "int8" and "int4" stand for when no group is asked for: docs/ACCURACY.md.
int default_weight_group(WeightFormat format);

// K and V of one position of one KV head, and of one block over all layers.
int64_t kv_block_bytes(const LlamaConfig& config, KvCacheType type);

// Of a step of `tokens` tokens, with the rows as the widest matrix reads them.
int64_t activation_bytes(const LlamaConfig& config, int64_t tokens);
// Of `rows` tokens whose logits are wanted.
int64_t logit_bytes(const LlamaConfig& config, int64_t rows);

}  // namespace puna

// What each of several devices holds of a Llama: its heads, its part of the MLP and the vocabulary.
//
// Query heads are divided evenly. KV heads too, or each is held by several devices when there are
// more devices than KV heads. MLP and vocabulary are padded with zeros to a multiple of the degree,
// which adds zeros to sums and rows of logits that nobody sees.
#pragma once

#include <vector>

#include "base/status.h"
#include "model/llama_config.h"

namespace puna::stablehlo {

inline constexpr int kTensorParallelMax = 128;

// Sizes of one device.
struct ShardSizes {
  int64_t heads = 0;
  int64_t kv_heads = 0;
  int64_t intermediate = 0;
  int64_t vocabulary = 0;  // rows of embedding and head
};

// Degrees that divide the heads, ascending.
std::vector<int> valid_degrees(const LlamaConfig& config);

// kInvalidArgument with the valid degrees.
Status check_degree(const LlamaConfig& config, int degree);

// For a degree that check_degree() takes.
ShardSizes shard_sizes(const LlamaConfig& config, int degree);

// The first KV head of the checkpoint that device `rank` holds.
int64_t first_kv_head(const LlamaConfig& config, int degree, int rank);

}  // namespace puna::stablehlo

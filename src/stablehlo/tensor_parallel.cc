// Query head h reads KV head h / (heads / KV heads), on one device as on many.

#include "stablehlo/tensor_parallel.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace puna::stablehlo {
namespace {

int64_t share_of(int64_t size, int degree) { return (size + degree - 1) / degree; }

bool divides(const LlamaConfig& config, int degree) {
  return config.num_attention_heads % degree == 0 &&
         (config.num_key_value_heads % degree == 0 || degree % config.num_key_value_heads == 0);
}

}  // namespace

std::vector<int> valid_degrees(const LlamaConfig& config) {
  std::vector<int> degrees;
  for (int degree = 1; degree <= std::min(config.num_attention_heads, kTensorParallelMax);
       ++degree) {
    if (divides(config, degree)) degrees.push_back(degree);
  }
  return degrees;
}

Status check_degree(const LlamaConfig& config, int degree) {
  if (degree >= 1 && degree <= kTensorParallelMax && divides(config, degree)) return {};
  return invalid_argument(
      "a tensor parallel degree of {} does not divide {} heads and {} KV heads evenly: use one of "
      "{}",
      degree, config.num_attention_heads, config.num_key_value_heads,
      fmt::join(valid_degrees(config), ", "));
}

ShardSizes shard_sizes(const LlamaConfig& config, int degree) {
  return {.heads = config.num_attention_heads / degree,
          .kv_heads = share_of(config.num_key_value_heads, degree),
          .intermediate = share_of(config.intermediate_size, degree),
          .vocabulary = share_of(config.vocab_size, degree)};
}

int64_t first_kv_head(const LlamaConfig& config, int degree, int rank) {
  return int64_t{rank} * config.num_key_value_heads / degree;
}

}  // namespace puna::stablehlo

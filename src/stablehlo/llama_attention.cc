// Attention of a step: RoPE, K and V into their blocks, and a softmax over what a query may see.

#include <cmath>

#include "stablehlo/llama_step.h"

namespace puna::stablehlo {
namespace {

// Scores of what a query may not see. Finite, for not every device computes with infinities, and
// far below any score.
constexpr double kMaskedScore = -1e30;

}  // namespace

// Element i with element i + d / 2, as model/rope.h.
Value LlamaStep::rotate(const Value& heads) {
  const int64_t half = config_.head_dim / 2;
  const Value low = builder_.slice(heads, 2, 0, half);
  const Value high = builder_.slice(heads, 2, half, 2 * half);
  // Names for both sides: compilers choose which argument of a call is computed first.
  const Value low_cosine = builder_.multiply(low, cosines_);
  const Value high_sine = builder_.multiply(high, sines_);
  const Value turned_low = builder_.subtract(low_cosine, high_sine);
  const Value high_cosine = builder_.multiply(high, cosines_);
  const Value low_sine = builder_.multiply(low, sines_);
  const Value turned_high = builder_.add(high_cosine, low_sine);
  return builder_.concatenate(turned_low, turned_high, 2);
}

// The layer's pool with K or V [T, k, d] of the step's tokens in it.
Value LlamaStep::write_pool(ArgumentRole role, int layer, const Value& rows) {
  const TensorType type = {
      shape_.kv, {shape_.pool_blocks, sizes_.kv_heads, kBlockPositions, config_.head_dim}};
  const Value pool = argument(role, layer, type, 1);
  const Value updated = builder_.write_slots(pool, slots_, builder_.convert(rows, shape_.kv));
  pools_.push_back({pool, updated});
  return updated;
}

// Every sequence's blocks: [S, n, k, 64, d].
Value LlamaStep::read_pool(const Value& pool) {
  if (tables_) return builder_.gather_rows(pool, *tables_);
  const auto by_slot = [&](const Value& blocks, int64_t slot_blocks) {
    return builder_.reshape(blocks, {shape_.sequences, slot_blocks, sizes_.kv_heads,
                                     kBlockPositions, config_.head_dim});
  };
  if (first_block_) {
    return by_slot(builder_.dynamic_rows(pool, *first_block_, shape_.table_blocks),
                   shape_.table_blocks);
  }
  const int64_t blocks = int64_t{shape_.sequences} * shape_.slot_blocks;
  return builder_.slice(by_slot(builder_.slice(pool, 0, 0, blocks), shape_.slot_blocks), 1, 0,
                        shape_.table_blocks);
}

// [T, h, d], [T, k, d], [T, k, d] to [T, h * d].
Value LlamaStep::attend(int layer, const Value& queries, const Value& keys, const Value& values) {
  const int64_t sequences = shape_.sequences;
  const int64_t per_sequence = shape_.tokens_per_sequence;
  const int64_t dim = config_.head_dim;
  const Shape by_token = {sequences, per_sequence, sizes_.kv_heads, group_, dim};
  const Shape by_head = {sequences, sizes_.kv_heads, per_sequence, group_, dim};
  const Shape swap = {0, 2, 1, 3, 4};
  const double scale = 1 / std::sqrt(static_cast<double>(dim));
  const Value scaled = builder_.multiply(queries, builder_.splat(scale, queries.type));
  // With one token a sequence, both orders are the same.
  const Value grouped = per_sequence == 1
                            ? builder_.reshape(scaled, by_head)
                            : builder_.transpose(builder_.reshape(scaled, by_token), swap);

  const Value all_keys = read_pool(write_pool(ArgumentRole::kKeys, layer, keys));
  const Value scores = builder_.dot(builder_.convert(grouped, shape_.kv), all_keys,
                                    {.lhs_batching = {0, 1},
                                     .rhs_batching = {0, 2},
                                     .lhs_contracting = {4},
                                     .rhs_contracting = {4}},
                                    ElementType::kF32);  // [S, k, Q, g, n, 64]
  const Value seen = builder_.select(visible_, scores, builder_.splat(kMaskedScore, scores.type));
  const Value top = builder_.reduce(Reduction::kMaximum, seen, {4, 5}, kMaskedScore);
  const Value powers = builder_.exponential(
      builder_.subtract(seen, builder_.broadcast(top, seen.type.shape, {0, 1, 2, 3})));
  const Value sum = builder_.reduce(Reduction::kSum, powers, {4, 5}, 0);
  const Value shares =
      builder_.divide(powers, builder_.broadcast(sum, seen.type.shape, {0, 1, 2, 3}));

  // Whoever had these blocks before may have left a NaN, and zero times NaN is NaN.
  const Value all_values = read_pool(write_pool(ArgumentRole::kValues, layer, values));
  const Value own_values = builder_.select(in_use_, all_values, builder_.splat(0, all_values.type));
  const Value attended = builder_.dot(builder_.convert(shares, shape_.kv), own_values,
                                      {.lhs_batching = {0, 1},
                                       .rhs_batching = {0, 2},
                                       .lhs_contracting = {4, 5},
                                       .rhs_contracting = {1, 3}},
                                      ElementType::kF32);  // [S, k, Q, g, d]
  const Value ordered = per_sequence == 1 ? attended : builder_.transpose(attended, swap);
  return builder_.reshape(ordered, {tokens_, sizes_.heads * dim});
}

}  // namespace puna::stablehlo

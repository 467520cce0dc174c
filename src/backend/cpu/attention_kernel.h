// Attention of a few rows over a sequence's KV blocks, as a template over vector and KV types.
//
// Blocks of 64 positions are taken in order with a running maximum (Milakov and Gimelshein 2018),
// each position after the other: a row's bits depend on its own query and the positions before it.
#pragma once

#include <cstddef>

#include "backend/cpu/kernels.h"
#include "backend/cpu/row_kernels.h"
#include "model/llama_config.h"

namespace puna {

template <class V, class Kv>
class AttentionKernel {
  using F = typename V::F;
  static constexpr size_t kPositions = 64;
  static constexpr size_t kRowsTogether = V::kTileRows / 2 < 1 ? 1 : V::kTileRows / 2;
  static constexpr size_t kVectors = V::kTileVectors;

 public:
  static void run(const Attention& a) {
    AttentionKernel kernel(a);
    const size_t end = kernel.length(a.row_count - 1);
    for (size_t first = 0; first < end; first += kPositions) kernel.add_block(first);
    kernel.write();
  }

 private:
  explicit AttentionKernel(const Attention& a) : a_(a), stride_(padded(a.head_dim, kLanes)) {
    for (size_t r = 0; r < a.row_count; ++r) {
      const float* query = a.queries + offset(r, a.query_stride);
      for (size_t i = 0; i < a.head_dim; ++i) query_[r][i] = query[i] * a.scale;
      for (size_t i = 0; i < stride_; ++i) out_[r][i] = 0;
      maximum_[r] = -__builtin_inff();
      sum_[r] = 0;
    }
  }

  size_t offset(size_t row, size_t token_stride) const {
    const size_t index = a_.first_row + row;
    return index / a_.group * token_stride + index % a_.group * a_.head_dim;
  }

  // Positions that the row sees.
  size_t length(size_t row) const {
    return a_.first_position + (a_.first_row + row) / a_.group + 1;
  }

  void add_block(size_t first) {
    const auto block = static_cast<size_t>(a_.block_table[first / kPositions]);
    const auto* keys = reinterpret_cast<const Kv*>(a_.kv + block * a_.block_bytes);
    const Kv* values = keys + a_.head_dim * kPositions;
    // Rows are of ascending tokens: those before `begin` end in an earlier block.
    size_t begin = 0;
    while (length(begin) <= first) ++begin;
    for (size_t row = begin; row < a_.row_count;) {
      const size_t count = seen(row, first);
      const bool together =
          row + kRowsTogether <= a_.row_count && seen(row + kRowsTogether - 1, first) == count;
      if (together) {
        add_rows<kRowsTogether>(row, count, keys, values);
        row += kRowsTogether;
      } else {
        add_rows<1>(row, count, keys, values);
        ++row;
      }
    }
  }

  // How many of the block's positions the row sees.
  size_t seen(size_t row, size_t first) const {
    const size_t count = length(row) - first;
    return count < kPositions ? count : kPositions;
  }

  template <size_t rows>
  void add_rows(size_t row, size_t count, const Kv* keys, const Kv* values) {
    float scores[rows][kPositions];
    for (size_t v = 0; v < kPositions / kLanes; v += kVectors) {
      score<rows>(row, keys + v * kLanes, v * kLanes, scores);
    }
    for (size_t r = 0; r < rows; ++r) weigh(row + r, count, scores[r]);
    for (size_t i = 0; i < stride_; i += kLanes) {
      F sums[rows];
      for (size_t r = 0; r < rows; ++r) sums[r] = V::load(out_[row + r] + i);
      for (size_t position = 0; position < count; ++position) {
        const F value = V::load(values + position * stride_ + i);
        for (size_t r = 0; r < rows; ++r) {
          sums[r] = V::fma(V::set(scores[r][position]), value, sums[r]);
        }
      }
      for (size_t r = 0; r < rows; ++r) V::store(out_[row + r] + i, sums[r]);
    }
  }

  template <size_t rows>
  void score(size_t row, const Kv* keys, size_t column, float (&scores)[rows][kPositions]) {
    F sums[rows][kVectors];
    for (size_t r = 0; r < rows; ++r) {
      for (size_t v = 0; v < kVectors; ++v) sums[r][v] = V::set(0);
    }
    for (size_t i = 0; i < a_.head_dim; ++i, keys += kPositions) {
      F key[kVectors];
      for (size_t v = 0; v < kVectors; ++v) key[v] = V::load(keys + v * kLanes);
      for (size_t r = 0; r < rows; ++r) {
        const F query = V::set(query_[row + r][i]);
        for (size_t v = 0; v < kVectors; ++v) sums[r][v] = V::fma(query, key[v], sums[r][v]);
      }
    }
    for (size_t r = 0; r < rows; ++r) {
      for (size_t v = 0; v < kVectors; ++v) V::store(scores[r] + column + v * kLanes, sums[r][v]);
    }
  }

  // Scores become weights relative to the row's maximum so far; what is summed already is scaled
  // down to it. Positions from `count` on may hold anything, also NaN, from another sequence.
  void weigh(size_t row, size_t count, float* scores) {
    float maximum = maximum_[row];
    for (size_t i = 0; i < count; ++i) maximum = scores[i] > maximum ? scores[i] : maximum;
    for (size_t i = count; i < kPositions; ++i) scores[i] = maximum;
    F total = V::set(0);
    for (size_t i = 0; i < kPositions; i += kLanes) {
      const F x = exponential<V>(V::subtract(V::load(scores + i), V::set(maximum)));
      V::store(scores + i, x);
    }
    for (size_t i = count; i < kPositions; ++i) scores[i] = 0;
    for (size_t i = 0; i < kPositions; i += kLanes) total = V::add(total, V::load(scores + i));
    float before[kLanes];
    V::store(before, exponential<V>(V::set(maximum_[row] - maximum)));
    sum_[row] = sum_[row] * before[0] + sum_of_lanes<V>(total);
    maximum_[row] = maximum;
    for (size_t i = 0; i < stride_; i += kLanes) {
      V::store(out_[row] + i, V::multiply(V::load(out_[row] + i), V::set(before[0])));
    }
  }

  void write() const {
    for (size_t r = 0; r < a_.row_count; ++r) {
      float* out = a_.out + offset(r, a_.out_stride);
      for (size_t i = 0; i < a_.head_dim; ++i) out[i] = out_[r][i] / sum_[r];
    }
  }

  const Attention& a_;
  const size_t stride_;  // of a row of V
  float query_[kAttentionRows][kHeadDimMax];
  float out_[kAttentionRows][kHeadDimMax];
  float maximum_[kAttentionRows];
  float sum_[kAttentionRows];
};

template <class V, class Kv>
void attend(const Attention& attention) {
  AttentionKernel<V, Kv>::run(attention);
}

}  // namespace puna

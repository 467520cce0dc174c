// Attention of a few rows over a sequence's KV blocks, as a template over vector and KV types.
//
// Positions are taken in pieces of kPiecePositions: blocks of 64 in order with a running maximum
// (Milakov and Gimelshein 2018), then piece after piece merged in order. Pieces begin at fixed
// positions, so a row's bits depend on its own query and the positions before it, whether one
// thread computes all its pieces or each another.
#pragma once

#include <cstddef>

#include "backend/cpu/kernels.h"
#include "backend/cpu/kv_layout.h"
#include "backend/cpu/row_kernels.h"
#include "model/llama_config.h"

namespace puna {

// f32 and int8: a factor and sixteen stored values at a time.
template <class V, class T>
struct PlainKv {
  using Stored = T;
  using Factor = float;

  static typename V::F add(typename V::F sum, const Stored* stored, const Factor* factor) {
    return V::fma(V::set(*factor), V::load(stored), sum);
  }
  static void store_factors(Factor* to, typename V::F a) { V::store(to, a); }
};

// bf16: sixteen pairs.
template <class V>
struct Bf16Kv {
  using Stored = uint16_t;
  using Factor = typename V::Bf16Activation;

  static typename V::F add(typename V::F sum, const Stored* stored, const Factor* factor) {
    return V::dot_pairs(sum, stored, factor);
  }
  static void store_factors(Factor* to, typename V::F a) { V::store_activation(to, a); }
};

// What a row has gathered from some positions: weights relative to the largest score, their sum,
// and the values weighed by them.
struct AttendedRow {
  float maximum;
  float sum;
  float* out;  // [head_dim padded to kLanes]
};

// Adds `piece` to what `total` has of the positions before.
template <class V>
void merge_rows(const AttendedRow& piece, size_t size, AttendedRow& total) {
  const float maximum = piece.maximum > total.maximum ? piece.maximum : total.maximum;
  float before[kLanes], now[kLanes];
  V::store(before, exponential<V>(V::set(total.maximum - maximum)));
  V::store(now, exponential<V>(V::set(piece.maximum - maximum)));
  total.sum = total.sum * before[0] + piece.sum * now[0];
  total.maximum = maximum;
  for (size_t i = 0; i < size; i += kLanes) {
    const typename V::F scaled = V::multiply(V::load(total.out + i), V::set(before[0]));
    V::store(total.out + i, V::fma(V::load(piece.out + i), V::set(now[0]), scaled));
  }
}

template <class V, class Kv>
class AttentionKernel {
  using F = typename V::F;
  using Stored = typename Kv::Stored;
  using Factor = typename Kv::Factor;
  static constexpr size_t kPositions = kBlockPositions;
  static constexpr size_t kTogether = positions_together<Stored>();
  static constexpr bool kHasScales = has_scales<Stored>();

 public:
  explicit AttentionKernel(const Attention& a)
      : a_(a), layout_(KvLayout::of<Stored>(a.head_dim)), stride_(layout_.value_stride) {
    for (size_t r = 0; r < a.row_count; ++r) {
      float* const scaled = out(r);
      const float* from = a.queries + offset(r, a.query_stride);
      for (size_t i = 0; i < stride_; ++i) scaled[i] = i < a.head_dim ? from[i] * a.scale : 0;
      for (size_t i = 0; i < stride_; i += kLanes) {
        Kv::store_factors(query(r) + i, V::load(scaled + i));
      }
    }
  }

  // All pieces, merged, into `out`.
  void run() {
    alignas(64) float totals[kAttentionRows * kHeadDimMax];
    AttendedRow total[kAttentionRows];
    const size_t end = length(a_.row_count - 1);
    for (size_t first = 0; first < end; first += kPiecePositions) {
      run_piece(first);
      for (size_t r = 0; r < a_.row_count; ++r) {
        if (length(r) <= first) continue;
        if (first == 0) {
          total[r] = {.maximum = maximum_[r], .sum = sum_[r], .out = totals + r * stride_};
          for (size_t i = 0; i < stride_; ++i) total[r].out[i] = out(r)[i];
        } else {
          merge_rows<V>({.maximum = maximum_[r], .sum = sum_[r], .out = out(r)}, stride_, total[r]);
        }
      }
    }
    for (size_t r = 0; r < a_.row_count; ++r) write(total[r], r);
  }

  // One piece, unmerged, into `partial`.
  void run_partial() {
    run_piece(a_.piece * kPiecePositions);
    for (size_t r = 0; r < a_.row_count; ++r) {
      float* const to = a_.partial + r * a_.partial_stride;
      to[0] = maximum_[r];
      to[1] = sum_[r];
      for (size_t i = 0; i < stride_; ++i) to[kLanes + i] = out(r)[i];
    }
  }

  // The rows' pieces from `partial`, merged, into `out`.
  void merge_partials() {
    for (size_t r = 0; r < a_.row_count; ++r) {
      AttendedRow total = partial(r, 0);
      const size_t pieces = (length(r) + kPiecePositions - 1) / kPiecePositions;
      for (size_t piece = 1; piece < pieces; ++piece) {
        merge_rows<V>(partial(r, piece), stride_, total);
      }
      write(total, r);
    }
  }

 private:
  AttendedRow partial(size_t row, size_t piece) const {
    float* const from = a_.partial + (piece * a_.row_count + row) * a_.partial_stride;
    return {.maximum = from[0], .sum = from[1], .out = from + kLanes};
  }

  void write(const AttendedRow& total, size_t row) const {
    float* out = a_.out + offset(row, a_.out_stride);
    for (size_t i = 0; i < a_.head_dim; ++i) out[i] = total.out[i] / total.sum;
  }

  Factor* query(size_t row) { return query_ + row * stride_; }
  float* out(size_t row) { return out_ + row * stride_; }

  size_t offset(size_t row, size_t token_stride) const {
    const size_t index = a_.first_row + row;
    return index / a_.heads_per_kv_head * token_stride + index % a_.heads_per_kv_head * a_.head_dim;
  }

  // Positions that the row sees.
  size_t length(size_t row) const {
    return a_.first_position + (a_.first_row + row) / a_.heads_per_kv_head + 1;
  }

  void run_piece(size_t first) {
    for (size_t r = 0; r < a_.row_count; ++r) {
      maximum_[r] = -__builtin_inff();
      sum_[r] = 0;
      for (size_t i = 0; i < stride_; ++i) out(r)[i] = 0;
    }
    const size_t end = length(a_.row_count - 1);
    const size_t last = first + kPiecePositions < end ? first + kPiecePositions : end;
    for (; first < last; first += kPositions) add_block(first);
  }

  void add_block(size_t first) {
    const auto block = static_cast<size_t>(a_.block_table[first / kPositions]);
    const std::byte* const kv = a_.kv + block * a_.block_bytes;
    // Rows are of ascending tokens: those before `row` end in an earlier block.
    size_t row = 0;
    while (length(row) <= first) ++row;
    add_tiles<V::kAttentionTile>(row, first, kv);
  }

  template <size_t rows>
  void add_tiles(size_t row, size_t first, const std::byte* kv) {
    for (; row + rows <= a_.row_count; row += rows) add_rows<rows>(row, first, kv);
    if constexpr (rows > 1) {
      if (row < a_.row_count) add_tiles<rows / 2>(row, first, kv);
    }
  }

  // How many of the block's positions the row sees.
  size_t seen(size_t row, size_t first) const {
    const size_t count = length(row) - first;
    return count < kPositions ? count : kPositions;
  }

  template <size_t rows>
  void add_rows(size_t row, size_t first, const std::byte* kv) {
    constexpr size_t kVectors = rows == 1 ? kPositions / kLanes : V::kAttentionVectors;
    alignas(64) float scores[rows][kPositions];
    alignas(64) Factor factors[rows][kPositions];
    const auto* const keys = reinterpret_cast<const Stored*>(kv);
    for (size_t v = 0; v < kPositions / kLanes; v += kVectors) {
      score<rows, kVectors>(row, keys + v * kLanes * kTogether, v * kLanes, scores);
    }
    const float* scales = nullptr;
    if constexpr (kHasScales) {
      scales = reinterpret_cast<const float*>(kv + layout_.scales_begin);
    }
    for (size_t r = 0; r < rows; ++r) {
      weigh(row + r, seen(row + r, first), scores[r], scales, factors[r]);
    }
    // A later row of the tile may see more; the weights of those that do not are zero.
    const size_t count = seen(row + rows - 1, first);
    const auto* const values = reinterpret_cast<const Stored*>(kv + layout_.values_begin);
    size_t i = 0;
    for (; i + kVectors * kLanes <= stride_; i += kVectors * kLanes) {
      add_values<rows, kVectors>(row, count, values + i * kTogether, i, factors);
    }
    for (; i < stride_; i += kLanes) {
      add_values<rows, 1>(row, count, values + i * kTogether, i, factors);
    }
  }

  template <size_t rows, size_t vectors>
  void score(size_t row, const Stored* keys, size_t column, float (&scores)[rows][kPositions]) {
    F sums[rows][vectors];
    for (size_t r = 0; r < rows; ++r) {
      for (size_t v = 0; v < vectors; ++v) sums[r][v] = V::set(0);
    }
    for (size_t i = 0; i < a_.head_dim; i += kTogether, keys += kPositions * kTogether) {
      for (size_t r = 0; r < rows; ++r) {
        for (size_t v = 0; v < vectors; ++v) {
          sums[r][v] = Kv::add(sums[r][v], keys + v * kLanes * kTogether, query(row + r) + i);
        }
      }
    }
    for (size_t r = 0; r < rows; ++r) {
      for (size_t v = 0; v < vectors; ++v) V::store(scores[r] + column + v * kLanes, sums[r][v]);
    }
  }

  template <size_t rows, size_t vectors>
  void add_values(size_t row, size_t count, const Stored* values, size_t column,
                  const Factor (&factors)[rows][kPositions]) {
    F sums[rows][vectors];
    for (size_t r = 0; r < rows; ++r) {
      for (size_t v = 0; v < vectors; ++v) {
        sums[r][v] = V::load(out(row + r) + column + v * kLanes);
      }
    }
    for (size_t position = 0; position < count; position += kTogether) {
      for (size_t r = 0; r < rows; ++r) {
        for (size_t v = 0; v < vectors; ++v) {
          sums[r][v] = Kv::add(sums[r][v], values + v * kLanes * kTogether, factors[r] + position);
        }
      }
      values += stride_ * kTogether;
    }
    for (size_t r = 0; r < rows; ++r) {
      for (size_t v = 0; v < vectors; ++v) {
        V::store(out(row + r) + column + v * kLanes, sums[r][v]);
      }
    }
  }

  // Scores become weights relative to the row's maximum so far; what is summed already is scaled
  // down to it. Positions from `count` on may hold anything, also NaN, from another sequence.
  void weigh(size_t row, size_t count, float* scores, const float* scales, Factor* factors) {
    if constexpr (kHasScales) {
      for (size_t i = 0; i < kPositions; i += kLanes) {
        V::store(scores + i, V::multiply(V::load(scores + i), V::load(scales + i)));
      }
    }
    for (size_t i = count; i < kPositions; ++i) scores[i] = -__builtin_inff();
    F most = V::set(maximum_[row]);
    for (size_t i = 0; i < kPositions; i += kLanes) most = V::maximum(most, V::load(scores + i));
    const float maximum = maximum_of_lanes<V>(most);
    F total = V::set(0);
    for (size_t i = 0; i < kPositions; i += kLanes) {
      const F x = exponential<V>(V::subtract(V::load(scores + i), V::set(maximum)));
      V::store(scores + i, x);
    }
    for (size_t i = count; i < kPositions; ++i) scores[i] = 0;
    for (size_t i = 0; i < kPositions; i += kLanes) {
      F weight = V::load(scores + i);
      total = V::add(total, weight);
      if constexpr (kHasScales) weight = V::multiply(weight, V::load(scales + kPositions + i));
      Kv::store_factors(factors + i, weight);
    }
    if (maximum > maximum_[row]) lower_to(maximum, row);
    sum_[row] += sum_of_lanes<V>(total);
  }

  // What the row has gathered, relative to a larger maximum.
  void lower_to(float maximum, size_t row) {
    float factor[kLanes];
    V::store(factor, exponential<V>(V::set(maximum_[row] - maximum)));
    maximum_[row] = maximum;
    sum_[row] *= factor[0];
    for (size_t i = 0; i < stride_; i += kLanes) {
      V::store(out(row) + i, V::multiply(V::load(out(row) + i), V::set(factor[0])));
    }
  }

  const Attention& a_;
  const KvLayout layout_;
  const size_t stride_;  // of a position of V
  alignas(64) Factor query_[kAttentionRows * kHeadDimMax];
  // Of the present piece.
  alignas(64) float out_[kAttentionRows * kHeadDimMax];
  float maximum_[kAttentionRows];
  float sum_[kAttentionRows];
};

template <class V, class Kv>
constexpr AttentionKernels attention_kernels() {
  return {.run = [](const Attention& a) { AttentionKernel<V, Kv>(a).run(); },
          .run_partial = [](const Attention& a) { AttentionKernel<V, Kv>(a).run_partial(); },
          .merge_partials = [](const Attention& a) { AttentionKernel<V, Kv>(a).merge_partials(); }};
}

}  // namespace puna

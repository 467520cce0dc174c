// Products with int8 and int4 weights by register tiles, as templates over a vector type.
//
// Within a group of K the products are integers and exact; the groups' sums are scaled and added
// as floats in ascending order of K. So a row has the same bits in every tile, and wherever a
// vector type has a fused multiply-add also on every instruction set.
#pragma once

#include <cstddef>
#include <cstdint>

#include "backend/cpu/matmul_tiles.h"
#include "backend/cpu/row_kernels.h"

namespace puna {

inline constexpr size_t kChunk = 32;                     // K of an unrolled piece of a group
inline constexpr size_t kPanelQuad = kPanelColumns * 4;  // bytes of four K of a panel, one each

// Quantises a row, the largest magnitude of each group to 127; a group that holds anything but
// numbers gets NaN for its scale.
template <class V, int32_t weight_offset>
void prepare_quantised(const float* row, const PackedLayout& layout, std::byte* out) {
  const size_t group = layout.group;
  const QuantisedRow to = QuantisedRow::at(out, layout.padded_k(), group);
  for (size_t g = 0; g < layout.group_count(); ++g) {
    const float* x = row + g * group;
    float rotated[kGroupMax];
    if (layout.rotated) {
      for (size_t i = 0; i < group; i += kRotation)
        rotate<V>(x + i, kActivationRotation, rotated + i);
      x = rotated;
    }
    typename V::F most = V::set(0);
    for (size_t i = 0; i < group; i += kLanes) most = V::maximum(most, V::absolute(V::load(x + i)));
    const float largest = maximum_of_lanes<V>(most);
    const typename V::F inverse = V::set(inverse_of_scale(largest));
    int8_t* const values = to.values + g * group;
    typename V::F total = V::set(0);  // of whole numbers, exact
    for (size_t i = 0; i < group; i += kLanes) {
      const typename V::F value = V::round(V::multiply(V::load(x + i), inverse));
      V::store_int8(values + i, V::to_int(value));
      total = V::add(total, value);
    }
    // A NaN or an infinity has no place among integers, and `largest` may have lost it; the sum has
    // not.
    const float sum = sum_of_lanes<V>(total);
    const bool are_numbers = sum == sum;
    to.scales[g] = are_numbers ? largest / 127.0F : sum;
    to.sums[g] = to.scales[g] * sum;
    to.corrections[g] = are_numbers ? -weight_offset * static_cast<int32_t>(sum) : 0;
  }
}

// Four activations.
inline const int8_t* four_at(const std::byte* place) {
  return reinterpret_cast<const int8_t*>(place);
}

template <class V>
struct Int8Values {
  static constexpr size_t kChunkBytes = kChunk * kPanelColumns;

  static typename V::I start(int32_t correction) { return V::int8_start(correction); }

  template <size_t rows, size_t vectors>
  static void add(const uint8_t* values, const std::byte* const (&x)[rows], size_t k,
                  typename V::I (&dots)[rows][vectors]) {
    for (size_t quad = 0; quad < kChunk / 4; ++quad, values += kPanelQuad) {
      for (size_t v = 0; v < vectors; ++v) {
        const typename V::Bytes w = V::load_bytes(values + v * 64);
        for (size_t r = 0; r < rows; ++r) {
          dots[r][v] = V::dot_int8(dots[r][v], w, four_at(x[r] + k + 4 * quad));
        }
      }
    }
  }
};

// Two weights a byte, taken apart in registers: on the processors that were measured this hides
// behind the products for any number of rows.
template <class V>
struct Int4Values {
  static constexpr size_t kChunkBytes = kChunk * kPanelColumns / 2;

  static typename V::I start(int32_t correction) { return V::set_int(correction); }

  template <size_t rows, size_t vectors>
  static void add(const uint8_t* values, const std::byte* const (&x)[rows], size_t k,
                  typename V::I (&dots)[rows][vectors]) {
    for (size_t eight = 0; eight < kChunk / 8; ++eight, values += kPanelQuad) {
      for (size_t v = 0; v < vectors; ++v) {
        const typename V::Bytes both = V::load_bytes(values + v * 64);
        const typename V::Bytes low = V::low_nibbles(both);
        const typename V::Bytes high = V::high_nibbles(both);
        for (size_t r = 0; r < rows; ++r) {
          const int8_t* const eights = four_at(x[r] + k + 8 * eight);
          dots[r][v] = V::dot_int4(dots[r][v], low, eights);
          dots[r][v] = V::dot_int4(dots[r][v], high, eights + 4);
        }
      }
    }
  }
};

template <class V, class Values, bool symmetric>
class QuantisedTile {
  using F = typename V::F;
  using I = typename V::I;
  static constexpr size_t kVectors = V::kQuantisedVectors;
  static constexpr size_t kColumns = kVectors * kLanes;
  static constexpr size_t kHeaderBytes = (symmetric ? 1 : 2) * kPanelColumns * sizeof(uint16_t);

 public:
  static constexpr size_t kRows = V::kQuantisedRows;

  QuantisedTile(const Matmul& m, size_t panel) : m_(m), panel_(panel) {}

  template <size_t rows>
  void run(size_t row, const Pass& pass) const {
    for (size_t first = 0; first < kPanelColumns; first += kColumns) {
      F sums[rows][kVectors];
      add_groups<rows>(row, first, pass.part(first, kColumns), sums);
      for (size_t r = 0; r < rows; ++r) {
        finish_columns<V>(m_, row + r, panel_ * kPanelColumns + first, kVectors, sums[r]);
      }
    }
  }

 private:
  template <size_t rows>
  [[gnu::always_inline]] void add_groups(size_t row, size_t column, const Pass& pass,
                                         F (&out)[rows][kVectors]) const {
    const size_t groups = m_.k / m_.group;
    F sums[rows][kVectors];  // not `out`, which has a pointer to it and so is stored at each group
    // One pointer a row: its arrays are found by adding the same to each.
    const std::byte* x[rows];
    for (size_t r = 0; r < rows; ++r) {
      x[r] = m_.rows + (row + r) * m_.row_bytes;
      for (size_t v = 0; v < kVectors; ++v) sums[r][v] = V::set(0);
    }
    size_t scale = QuantisedRow::scales_begin(m_.k);
    const size_t to_sum = groups * sizeof(float);
    const size_t to_correction = 2 * to_sum;
    const std::byte* group = m_.panels + panel_ * m_.panel_bytes;
    WeightPrefetch prefetch(m_, panel_, pass, groups);
    for (size_t g = 0; g < groups; ++g, group += m_.group_bytes, scale += sizeof(float)) {
      prefetch.step();
      I dots[rows][kVectors];
      for (size_t r = 0; r < rows; ++r) {
        const I start =
            symmetric ? Values::start(at<int32_t>(x[r] + scale + to_correction)) : V::set_int(0);
        for (size_t v = 0; v < kVectors; ++v) dots[r][v] = start;
      }
      const auto* chunk = reinterpret_cast<const uint8_t*>(group + kHeaderBytes) + 4 * column;
      for (size_t k = g * m_.group; k < (g + 1) * m_.group; k += kChunk) {
        Values::add(chunk, x, k, dots);
        chunk += Values::kChunkBytes;
      }
      const auto* const header = reinterpret_cast<const uint16_t*>(group) + column;
      for (size_t v = 0; v < kVectors; ++v) {
        const F weight_scale = V::load_f16(header + v * kLanes);
        for (size_t r = 0; r < rows; ++r) {
          const F both = V::multiply(weight_scale, V::set(at<float>(x[r] + scale)));
          sums[r][v] = V::fma(V::to_float(dots[r][v]), both, sums[r][v]);
        }
        if constexpr (!symmetric) {
          const F offset = V::load_f16(header + kPanelColumns + v * kLanes);
          for (size_t r = 0; r < rows; ++r) {
            sums[r][v] = V::fma(offset, V::set(at<float>(x[r] + scale + to_sum)), sums[r][v]);
          }
        }
      }
    }
    for (size_t r = 0; r < rows; ++r) {
      for (size_t v = 0; v < kVectors; ++v) out[r][v] = sums[r][v];
    }
  }

  template <class T>
  static T at(const std::byte* place) {
    return *reinterpret_cast<const T*>(place);
  }

  const Matmul& m_;
  const size_t panel_;
};

template <class V, class Values, bool symmetric>
void quantised_panels(const Matmul& m, size_t first_panel, size_t last_panel) {
  using Tile = QuantisedTile<V, Values, symmetric>;
  run_panels<Tile>(m, first_panel, last_panel, QuantisedRow::bytes(m.k, m.group),
                   [&](size_t panel) { return Tile(m, panel); });
}

template <class V>
void int8_matmul(const Matmul& m, size_t first_panel, size_t last_panel) {
  quantised_panels<V, Int8Values<V>, true>(m, first_panel, last_panel);
}

template <class V>
void int4_matmul(const Matmul& m, size_t first_panel, size_t last_panel) {
  m.symmetric ? quantised_panels<V, Int4Values<V>, true>(m, first_panel, last_panel)
              : quantised_panels<V, Int4Values<V>, false>(m, first_panel, last_panel);
}

template <class V>
constexpr FormatKernels int8_kernels() {
  return {.prepare = prepare_quantised<V, 128>, .matmul = int8_matmul<V>};
}

template <class V>
constexpr FormatKernels int4_kernels() {
  return {.prepare = prepare_quantised<V, 8>, .matmul = int4_matmul<V>};
}

}  // namespace puna

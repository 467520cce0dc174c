// Products with f32 and bf16 weights by register tiles, as templates over a vector type.
#pragma once

#include <cstddef>
#include <cstdint>

#include "backend/cpu/matmul_tiles.h"

namespace puna {

inline constexpr size_t kFloatStep = 16;  // K between two looks ahead

template <class V>
class F32Tile {
 public:
  static constexpr size_t kRows = V::kTileRows;
  static constexpr size_t kVectors = V::kTileVectors;
  static constexpr size_t kColumns = kVectors * kLanes;

  F32Tile(const Matmul& m, size_t panel) : m_(m), panel_(panel) {}

  static void prepare(const float* row, const PackedLayout& layout, std::byte* out) {
    for (size_t i = 0; i < layout.padded_k(); i += kLanes) {
      V::store(reinterpret_cast<float*>(out) + i, V::load(row + i));
    }
  }

  template <size_t rows>
  void run(size_t row, const Pass& pass) const {
    for (size_t first = 0; first < kPanelColumns; first += kColumns) {
      const auto* weights =
          reinterpret_cast<const float*>(m_.panels + panel_ * m_.panel_bytes) + first;
      const float* x[rows];
      typename V::F sums[rows][kVectors];
      for (size_t r = 0; r < rows; ++r) {
        x[r] = reinterpret_cast<const float*>(m_.rows + (row + r) * m_.row_bytes);
        for (size_t v = 0; v < kVectors; ++v) sums[r][v] = V::set(0);
      }
      WeightPrefetch prefetch(m_, panel_, pass.part(first, kColumns), m_.k / kFloatStep);
      for (size_t k = 0; k < m_.k; ++k, weights += kPanelColumns) {
        if (k % kFloatStep == 0) prefetch.step();
        typename V::F w[kVectors];
        for (size_t v = 0; v < kVectors; ++v) w[v] = V::load(weights + v * kLanes);
        for (size_t r = 0; r < rows; ++r) {
          const typename V::F activation = V::set(x[r][k]);
          for (size_t v = 0; v < kVectors; ++v) sums[r][v] = V::fma(activation, w[v], sums[r][v]);
        }
      }
      for (size_t r = 0; r < rows; ++r) {
        finish_columns<V>(m_, row + r, panel_ * kPanelColumns + first, kVectors, sums[r]);
      }
    }
  }

 private:
  const Matmul& m_;
  const size_t panel_;
};

template <class V>
class Bf16Tile {
 public:
  static constexpr size_t kRows = V::kTileRows;
  static constexpr size_t kVectors = V::kTileVectors;
  static constexpr size_t kColumns = kVectors * kLanes;
  using Activation = typename V::Bf16Activation;

  Bf16Tile(const Matmul& m, size_t panel) : m_(m), panel_(panel) {}

  static void prepare(const float* row, const PackedLayout& layout, std::byte* out) {
    for (size_t i = 0; i < layout.padded_k(); i += kLanes) {
      V::store_activation(reinterpret_cast<Activation*>(out) + i, V::load(row + i));
    }
  }

  template <size_t rows>
  void run(size_t row, const Pass& pass) const {
    for (size_t first = 0; first < kPanelColumns; first += kColumns) {
      const auto* weights =
          reinterpret_cast<const uint16_t*>(m_.panels + panel_ * m_.panel_bytes) + 2 * first;
      const Activation* x[rows];
      typename V::F sums[rows][kVectors];
      for (size_t r = 0; r < rows; ++r) {
        x[r] = reinterpret_cast<const Activation*>(m_.rows + (row + r) * m_.row_bytes);
        for (size_t v = 0; v < kVectors; ++v) sums[r][v] = V::set(0);
      }
      WeightPrefetch prefetch(m_, panel_, pass.part(first, kColumns), m_.k / kFloatStep);
      for (size_t k = 0; k < m_.k; k += 2, weights += 2 * kPanelColumns) {
        if (k % kFloatStep == 0) prefetch.step();
        for (size_t r = 0; r < rows; ++r) {
          for (size_t v = 0; v < kVectors; ++v) {
            sums[r][v] = V::dot_pairs(sums[r][v], weights + 2 * v * kLanes, x[r] + k);
          }
        }
      }
      for (size_t r = 0; r < rows; ++r) {
        finish_columns<V>(m_, row + r, panel_ * kPanelColumns + first, kVectors, sums[r]);
      }
    }
  }

 private:
  const Matmul& m_;
  const size_t panel_;
};

template <class Tile>
void float_matmul(const Matmul& m, size_t first_panel, size_t last_panel) {
  run_panels<Tile>(m, first_panel, last_panel, m.k * sizeof(float),
                   [&](size_t panel) { return Tile(m, panel); });
}

template <class Tile>
constexpr FormatKernels float_kernels() {
  return {.prepare = Tile::prepare, .matmul = float_matmul<Tile>};
}

}  // namespace puna

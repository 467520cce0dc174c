// Matrix products by register tiles, as templates over a vector type.
//
// A tile's shape changes only how many outputs are in flight: every output is one chain of
// additions over K in ascending order. Tiles of 1, 2, 4 and 8 rows give a row the same bits.
#pragma once

#include <cstddef>
#include <cstdint>

#include "backend/cpu/kernels.h"

namespace puna {

// Writes the vectors of one row, with bias and what `out` held before.
template <class V>
void finish_columns(const Matmul& m, size_t row, size_t column, size_t vectors,
                    const typename V::F* sums) {
  float* const out = m.out + row * m.out_stride;
  for (size_t v = 0; v < vectors && column + v * kLanes < m.column_count; ++v) {
    const size_t first = column + v * kLanes;
    const size_t count = m.column_count - first < kLanes ? m.column_count - first : kLanes;
    typename V::F sum = sums[v];
    if (m.bias != nullptr) sum = V::add(sum, V::load(m.bias + first));
    if (count == kLanes) {
      if (m.add_to_out) sum = V::add(V::load(out + first), sum);
      V::store(out + first, sum);
      continue;
    }
    float lanes[kLanes];
    V::store(lanes, sum);
    for (size_t i = 0; i < count; ++i) {
      out[first + i] = m.add_to_out ? out[first + i] + lanes[i] : lanes[i];
    }
  }
}

template <class V>
struct F32Tile {
  static constexpr size_t kRows = V::kTileRows;
  static constexpr size_t kVectors = V::kTileVectors;

  static void prepare(const float* row, size_t k, std::byte* out) {
    for (size_t i = 0; i < k; i += kLanes) {
      V::store(reinterpret_cast<float*>(out) + i, V::load(row + i));
    }
  }

  template <size_t rows, size_t vectors>
  static void run(const Matmul& m, size_t row, size_t panel, size_t vector) {
    const auto* weights =
        reinterpret_cast<const float*>(m.panels) + panel * m.k * kPanelColumns + vector * kLanes;
    const float* x[rows];
    typename V::F sums[rows][vectors];
    for (size_t r = 0; r < rows; ++r) {
      x[r] = reinterpret_cast<const float*>(m.rows + (row + r) * m.row_bytes);
      for (size_t v = 0; v < vectors; ++v) sums[r][v] = V::set(0);
    }
    for (size_t k = 0; k < m.k; ++k, weights += kPanelColumns) {
      typename V::F w[vectors];
      for (size_t v = 0; v < vectors; ++v) w[v] = V::load(weights + v * kLanes);
      for (size_t r = 0; r < rows; ++r) {
        const typename V::F activation = V::set(x[r][k]);
        for (size_t v = 0; v < vectors; ++v) sums[r][v] = V::fma(activation, w[v], sums[r][v]);
      }
    }
    for (size_t r = 0; r < rows; ++r) {
      finish_columns<V>(m, row + r, panel * kPanelColumns + vector * kLanes, vectors, sums[r]);
    }
  }
};

template <class V>
struct Bf16Tile {
  static constexpr size_t kRows = V::kTileRows;
  static constexpr size_t kVectors = V::kTileVectors;
  using Activation = typename V::Bf16Activation;

  static void prepare(const float* row, size_t k, std::byte* out) {
    for (size_t i = 0; i < k; i += kLanes) {
      V::store_activation(reinterpret_cast<Activation*>(out) + i, V::load(row + i));
    }
  }

  template <size_t rows, size_t vectors>
  static void run(const Matmul& m, size_t row, size_t panel, size_t vector) {
    const auto* weights = reinterpret_cast<const uint16_t*>(m.panels) +
                          panel * m.k * kPanelColumns + 2 * vector * kLanes;
    const Activation* x[rows];
    typename V::F sums[rows][vectors];
    for (size_t r = 0; r < rows; ++r) {
      x[r] = reinterpret_cast<const Activation*>(m.rows + (row + r) * m.row_bytes);
      for (size_t v = 0; v < vectors; ++v) sums[r][v] = V::set(0);
    }
    for (size_t k = 0; k < m.k; k += 2, weights += 2 * kPanelColumns) {
      for (size_t r = 0; r < rows; ++r) {
        for (size_t v = 0; v < vectors; ++v) {
          sums[r][v] = V::dot_pairs(sums[r][v], weights + 2 * v * kLanes, x[r] + k);
        }
      }
    }
    for (size_t r = 0; r < rows; ++r) {
      finish_columns<V>(m, row + r, panel * kPanelColumns + vector * kLanes, vectors, sums[r]);
    }
  }
};

// Products of 8-bit integers are exact within a group; the groups' sums are added as floats.
template <class V>
struct Int8Tile {
  static constexpr size_t kRows = V::kInt8Rows;
  static constexpr size_t kVectors = V::kInt8Vectors;

  // Symmetric: the largest magnitude of a group becomes 127.
  static void prepare(const float* row, size_t k, std::byte* out) {
    auto* group = reinterpret_cast<Int8Group*>(out);
    for (size_t i = 0; i < k; i += kGroup, ++group) {
      const typename V::F low = V::load(row + i);
      const typename V::F high = V::load(row + i + kLanes);
      float lanes[kLanes];
      V::store(lanes, V::maximum(V::absolute(low), V::absolute(high)));
      float largest = 0;
      for (const float lane : lanes) largest = lane > largest ? lane : largest;
      const typename V::F inverse = V::set(largest > 0 ? 127.0F / largest : 0.0F);
      V::store_int8(group->values, V::to_int(V::round(V::multiply(low, inverse))));
      V::store_int8(group->values + kLanes, V::to_int(V::round(V::multiply(high, inverse))));
      group->scale = largest / 127.0F;
      group->sum = 0;
      for (const int8_t value : group->values) group->sum += value;
    }
  }

  template <size_t rows, size_t vectors>
  static void run(const Matmul& m, size_t row, size_t panel, size_t vector) {
    const size_t groups = m.k / kGroup;
    const auto* weights = reinterpret_cast<const Int8PanelGroup*>(m.panels) + panel * groups;
    const size_t column = vector * kLanes;
    const Int8Group* x[rows];
    typename V::F sums[rows][vectors];
    for (size_t r = 0; r < rows; ++r) {
      x[r] = reinterpret_cast<const Int8Group*>(m.rows + (row + r) * m.row_bytes);
      for (size_t v = 0; v < vectors; ++v) sums[r][v] = V::set(0);
    }
    for (size_t g = 0; g < groups; ++g) {
      typename V::I dots[rows][vectors];
      for (size_t r = 0; r < rows; ++r) {
        for (size_t v = 0; v < vectors; ++v) dots[r][v] = V::dot_start(x[r][g].sum);
      }
      for (size_t quad = 0; quad < kGroup / 4; ++quad) {
        for (size_t r = 0; r < rows; ++r) {
          for (size_t v = 0; v < vectors; ++v) {
            dots[r][v] = V::dot_int8(dots[r][v], weights[g].values[quad][column + v * kLanes],
                                     x[r][g].values + 4 * quad);
          }
        }
      }
      for (size_t v = 0; v < vectors; ++v) {
        const typename V::F scales = V::load(weights[g].scales + column + v * kLanes);
        for (size_t r = 0; r < rows; ++r) {
          const typename V::F scale = V::multiply(scales, V::set(x[r][g].scale));
          sums[r][v] = V::fma(V::to_float(dots[r][v]), scale, sums[r][v]);
        }
      }
    }
    for (size_t r = 0; r < rows; ++r) {
      finish_columns<V>(m, row + r, panel * kPanelColumns + column, vectors, sums[r]);
    }
  }
};

// All columns of a panel for `rows` rows.
template <class Tile, size_t rows, size_t vectors>
void run_panel(const Matmul& m, size_t row, size_t panel) {
  for (size_t vector = 0; vector < kPanelColumns / kLanes; vector += vectors) {
    Tile::template run<rows, vectors>(m, row, panel, vector);
  }
}

// The rest of the rows, by tiles of half the size again and again; single rows are wider.
template <class Tile, size_t rows, size_t row_vectors>
void run_rows(const Matmul& m, size_t row, size_t panel) {
  if constexpr (rows == 1) {
    for (; row < m.row_count; ++row) run_panel<Tile, 1, row_vectors>(m, row, panel);
  } else {
    for (; row + rows <= m.row_count; row += rows) {
      run_panel<Tile, rows, Tile::kVectors>(m, row, panel);
    }
    run_rows<Tile, rows / 2, row_vectors>(m, row, panel);
  }
}

template <class V, class Tile>
void run_matmul(const Matmul& m, size_t first_panel, size_t last_panel) {
  for (size_t panel = first_panel; panel < last_panel; ++panel) {
    run_rows<Tile, Tile::kRows, V::kRowVectors>(m, 0, panel);
  }
}

template <class V, class Tile>
constexpr FormatKernels format_kernels() {
  return {.prepare = Tile::prepare, .matmul = run_matmul<V, Tile>};
}

}  // namespace puna

// What the matmul kernels share: writing a tile's sums, and cutting rows into tiles.
//
// A tile's shape changes only how many outputs are in flight: every output is one chain of
// additions over K in ascending order, so a row's bits do not depend on the rows beside it.
#pragma once

#include <cstddef>

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

// Calls tile.run<rows>() for exactly `count` rows.
template <size_t rows, class Tile>
void run_tile(const Tile& tile, size_t row, size_t count) {
  if constexpr (rows > 1) {
    if (count < rows) return run_tile<rows - 1>(tile, row, count);
  }
  tile.template run<rows>(row);
}

// Rows [first, first + count) by the fewest tiles of at most Tile::kRows, of nearly equal size.
template <class Tile>
void run_rows(const Tile& tile, size_t first, size_t count) {
  const size_t tiles = (count + Tile::kRows - 1) / Tile::kRows;
  for (size_t i = 0, done = 0; i < tiles; ++i) {
    const size_t rows = (count - done + tiles - i - 1) / (tiles - i);
    run_tile<Tile::kRows>(tile, first + done, rows);
    done += rows;
  }
}

// Rows that stay in a core's second cache, whole tiles of them, while panels pass over them.
inline constexpr size_t kRowCacheBytes = 512 << 10;

// All rows times some panels: make_tile(panel) gives a Tile, which reads `used_bytes` of each row.
template <class Tile, class MakeTile>
void run_panels(const Matmul& m, size_t first_panel, size_t last_panel, size_t used_bytes,
                const MakeTile& make_tile) {
  const size_t tiles = kRowCacheBytes / (used_bytes * Tile::kRows);
  const size_t block = (tiles > 0 ? tiles : 1) * Tile::kRows;
  for (size_t row = 0; row < m.row_count; row += block) {
    const size_t count = m.row_count - row < block ? m.row_count - row : block;
    for (size_t panel = first_panel; panel < last_panel; ++panel) {
      run_rows(make_tile(panel), row, count);
    }
  }
}

}  // namespace puna

// What the matmul kernels share: writing a tile's sums, cutting rows into tiles, and asking for
// weights ahead of their use.
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

// One of the passes of tiles over the same panel.
struct Pass {
  size_t index = 0;
  size_t count = 1;

  // Of a tile that takes the panel's columns in parts of `columns`: the part that begins at
  // `first`.
  Pass part(size_t first, size_t columns) const {
    const size_t parts = kPanelColumns / columns;
    return {.index = index * parts + first / columns, .count = count * parts};
  }
};

// Asks for weights ahead of their use, in even steps, so that memory delivers while products are
// computed. A single pass asks for what it needs soon. Where a panel is passed over several times
// only the first pass would wait for memory, so each asks for its share of the panel after it.
class WeightPrefetch {
 public:
  // Of a pass over `panel` that takes `steps` steps.
  WeightPrefetch(const Matmul& m, size_t panel, const Pass& pass, size_t steps) {
    const size_t lines = (m.panel_bytes + kLineBytes - 1) / kLineBytes;
    const size_t all_steps = pass.count * steps;
    lines_per_step_ = (lines + all_steps - 1) / all_steps;
    const size_t ahead = pass.count == 1 ? kSoonBytes : m.panel_bytes;
    const std::byte* const first = m.panels + panel * m.panel_bytes + ahead;
    next_ = first + pass.index * steps * lines_per_step_ * kLineBytes;
    end_ = first + m.panel_bytes;
  }

  [[gnu::always_inline]] void step() {
    for (size_t i = 0; i < lines_per_step_ && next_ < end_; ++i, next_ += kLineBytes) {
      __builtin_prefetch(next_);
    }
  }

 private:
  static constexpr size_t kLineBytes = 64;
  // At 30 GB/s a core and 200 ns until a line is here, 6 KB are on their way; of 4 to 24 KB this
  // was the best.
  static constexpr size_t kSoonBytes = 16 << 10;

  const std::byte* next_;
  const std::byte* end_;
  size_t lines_per_step_;
};

// Calls tile.run<rows>() for exactly `count` rows.
template <size_t rows, class Tile>
void run_tile(const Tile& tile, size_t row, size_t count, const Pass& pass) {
  if constexpr (rows > 1) {
    if (count < rows) return run_tile<rows - 1>(tile, row, count, pass);
  }
  tile.template run<rows>(row, pass);
}

// Rows [first, first + count) by the fewest tiles of at most Tile::kRows, of nearly equal size.
template <class Tile>
void run_rows(const Tile& tile, size_t first, size_t count) {
  const size_t tiles = (count + Tile::kRows - 1) / Tile::kRows;
  for (size_t i = 0, done = 0; i < tiles; ++i) {
    const size_t rows = (count - done + tiles - i - 1) / (tiles - i);
    run_tile<Tile::kRows>(tile, first + done, rows, {.index = i, .count = tiles});
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

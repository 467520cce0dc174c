// Rows as a checkpoint stores them, in 4 or 8 bits with a scale per group of neighbours in a row.
//
// 4 bits: weight = scale * value + offset, value 0..15; symmetric means offset is -8 * scale for
// every group, and then `offsets` stays empty. 8 bits: weight = scale * value, value -127..127 (and
// -128 where a file has it). Scales are exact as stored: f16 values, or for Q4_K the product of an
// f16 and a 6-bit integer.
#pragma once

#include <cstdint>
#include <vector>

namespace puna {

struct QuantisedLayout {
  int group = 0;  // neighbours of a row that share a scale
  bool symmetric = false;

  bool operator==(const QuantisedLayout&) const = default;
};

struct QuantisedRows {
  int group = 0;
  bool symmetric = false;
  std::vector<uint8_t> values;  // [row_count, column_count], 0..15
  std::vector<float> scales;    // [row_count, column_count / group]
  std::vector<float> offsets;   // [row_count, column_count / group]; empty when symmetric
};

struct Int8Layout {
  int group = 0;

  bool operator==(const Int8Layout&) const = default;
};

struct Int8Rows {
  int group = 0;
  std::vector<int8_t> values;  // [row_count, column_count]
  std::vector<float> scales;   // [row_count, column_count / group]
};

}  // namespace puna

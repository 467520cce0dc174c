// Quantises rows to 4 bits so that the products with what a model really sees change least.
//
// Per group of neighbours: weight ~ scale * value + offset, value 0..15, scale and offset rounded
// to f16. Minimised is sum_k importance_k * (weight_k - stored_k)^2; with importance_k = E[x_k^2]
// of the layer's input that is the error of the layer's output, were its inputs independent.
// Pure functions of one row; weights must be finite.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace puna {

inline constexpr size_t kInt4GroupMax = 128;

// `group` is a multiple of 8 up to kInt4GroupMax that divides the row. `importance` holds one value
// >= 0 per weight or is empty, which means 1 for all; so does a group whose importance is all 0.
// `values` has one byte per weight, `scales` one value per group, `offsets` the same, or none when
// `symmetric`: the offset is then -8 * scale (of either sign).
//
// Tries clipped ranges and refits scale and offset by weighted least squares; never worse than
// round_int4_row().
void quantise_int4_row(std::span<const float> weights, std::span<const float> importance,
                       size_t group, bool symmetric, std::span<uint8_t> values,
                       std::span<float> scales, std::span<float> offsets);

// The plain way, to measure against: each group's range is spread over the 16 values and every
// weight takes the nearest (symmetric: the value of largest magnitude becomes -8).
void round_int4_row(std::span<const float> weights, size_t group, bool symmetric,
                    std::span<uint8_t> values, std::span<float> scales, std::span<float> offsets);

// sum_k importance_k * (weight_k - stored_k)^2 of a quantised row, in f64.
double int4_row_error(std::span<const float> weights, std::span<const float> importance,
                      size_t group, std::span<const uint8_t> values, std::span<const float> scales,
                      std::span<const float> offsets);

}  // namespace puna

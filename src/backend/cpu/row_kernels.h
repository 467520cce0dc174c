// What happens to one row of activations: exponential, RMSNorm, the gated SiLU, the rotation of
// packed_layout.h. Templates over a vector type.
#pragma once

#include <cmath>
#include <cstddef>
#include <limits>

#include "backend/cpu/kernels.h"

namespace puna {

inline constexpr float kFloatMax = std::numeric_limits<float>::max();

// e^x, relative error below 2e-7, and exactly 1 at 0. x is cut off at -87.3 (1.2e-38) and 88.3:
// the 2^n of the result must be a normal float. A NaN stays one: minimum() and maximum() give
// their second argument when one of the two is a NaN.
template <class V>
typename V::F exponential(typename V::F x) {
  using F = typename V::F;
  x = V::minimum(V::set(88.3F), V::maximum(V::set(-87.3F), x));
  const F n = V::round(V::multiply(x, V::set(1.44269504F)));
  // ln 2 in two parts, so that n times the first is exact (Cody and Waite).
  F r = V::subtract(x, V::multiply(n, V::set(0.693359375F)));
  r = V::subtract(r, V::multiply(n, V::set(-2.12194440e-4F)));
  // The Taylor series to r^7 / 7!: |r| <= 0.35, so the rest is below 6e-9.
  F sum = V::set(1.0F / 5040);
  for (const float term : {1.0F / 720, 1.0F / 120, 1.0F / 24, 1.0F / 6, 0.5F, 1.0F, 1.0F}) {
    sum = V::fma(sum, r, V::set(term));
  }
  return V::multiply(sum, V::power_of_two(n));
}

template <class V>
float first_lane(typename V::F a) {
  float lanes[kLanes];
  V::store(lanes, a);
  return lanes[0];
}

// All lanes by halves: always the same order.
template <class V, class Join>
float join_lanes(typename V::F a, const Join& join) {
  a = join(a, V::template exchange<8>(a));
  a = join(a, V::template exchange<4>(a));
  a = join(a, V::template exchange<2>(a));
  return first_lane<V>(join(a, V::template exchange<1>(a)));
}

template <class V>
float sum_of_lanes(typename V::F a) {
  return join_lanes<V>(a, [](auto x, auto y) { return V::add(x, y); });
}

// Of lanes that are numbers; with a NaN among them, any lane.
template <class V>
float maximum_of_lanes(typename V::F a) {
  return join_lanes<V>(a, [](auto x, auto y) { return V::maximum(x, y); });
}

template <class V>
void rms_norm(const float* row, const float* weight, size_t size, float epsilon, float* out) {
  typename V::F squares = V::set(0);
  for (size_t i = 0; i < size; i += kLanes) {
    const typename V::F x = V::load(row + i);
    squares = V::fma(x, x, squares);
  }
  const float mean = sum_of_lanes<V>(squares) / static_cast<float>(size);
  // Squares that overflow would make zeros of the row, and plausible text of a damaged weight.
  const float root = mean <= kFloatMax ? __builtin_sqrtf(mean + epsilon) : __builtin_nanf("");
  const typename V::F scale = V::set(1.0F / root);
  const size_t end = padded(size, kGroupMax);
  for (size_t i = 0; i < end; i += kLanes) {
    V::store(out + i, V::multiply(V::multiply(V::load(row + i), scale), V::load(weight + i)));
  }
}

// A stage of the Walsh-Hadamard transform: sums and differences of lanes `distance` apart.
template <class V, size_t distance>
typename V::F add_across(typename V::F a) {
  alignas(64) float signs[kLanes];
  for (size_t i = 0; i < kLanes; ++i) signs[i] = (i & distance) == 0 ? 1.0F : -1.0F;
  return V::fma(a, V::load(signs), V::template exchange<distance>(a));
}

// The transform of kRotation values, times a power of two: by sums alone, so always the same bits.
template <class V>
void rotate(const float* values, float scale, float* out) {
  static_assert(kRotation == 2 * kLanes);
  const auto across = [&](typename V::F a) {
    a = add_across<V, 2>(add_across<V, 1>(a));
    a = add_across<V, 8>(add_across<V, 4>(a));
    return V::multiply(a, V::set(scale));
  };
  const typename V::F first = V::load(values);
  const typename V::F second = V::load(values + kLanes);
  V::store(out, across(V::add(first, second)));
  V::store(out + kLanes, across(V::subtract(first, second)));
}

template <class V>
void gate_rows(const float* gate, const float* up, size_t size, float* out) {
  for (size_t i = 0; i < size; i += kLanes) {
    const typename V::F x = V::load(gate + i);
    const typename V::F minus = V::subtract(V::set(0), x);
    const typename V::F divisor = V::add(V::set(1), exponential<V>(minus));
    V::store(out + i, V::multiply(V::divide(x, divisor), V::load(up + i)));
  }
}

}  // namespace puna

// Su et al. 2021 (RoFormer), in the half-split form of transformers' rotate_half().

#include "model/rope.h"

#include <cmath>

namespace puna {

void rope_angles(std::span<const float> inverse_frequencies, size_t position, float* cosines,
                 float* sines) {
  for (size_t i = 0; i < inverse_frequencies.size(); ++i) {
    const float angle = static_cast<float>(position) * inverse_frequencies[i];
    cosines[i] = std::cos(angle);
    sines[i] = std::sin(angle);
  }
}

void rotate(float* head, const float* cosines, const float* sines, size_t half) {
  for (size_t i = 0; i < half; ++i) {
    const float low = head[i];
    const float high = head[i + half];
    head[i] = low * cosines[i] - high * sines[i];
    head[i + half] = high * cosines[i] + low * sines[i];
  }
}

}  // namespace puna

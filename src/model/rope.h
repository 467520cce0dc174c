// Rotary position embedding in Hugging Face's order: element i pairs with element i + head_dim / 2.
#pragma once

#include <cstddef>
#include <span>

namespace puna {

// Cosine and sine of position * frequency, each [frequencies.size()]. The angle is rounded to f32
// as transformers does it.
void rope_angles(std::span<const float> inverse_frequencies, size_t position, float* cosines,
                 float* sines);

// Rotates one head [2 * half] in place.
void rotate(float* head, const float* cosines, const float* sines, size_t half);

}  // namespace puna

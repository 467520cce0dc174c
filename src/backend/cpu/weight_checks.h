// Checks of what a checkpoint gives before it is packed: a NaN, an infinity or a weight too large
// for its format must end a start with its tensor's name, and never become plausible text.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "backend/cpu/packed_layout.h"
#include "base/status.h"

namespace puna {

// Where some values of a tensor come from, for an error message.
struct TensorPart {
  std::string_view tensor;
  std::string_view what;  // "weight", "bias", "scale", "offset"
  size_t first_row = 0;
  size_t row_size = 0;
};

Status check_are_numbers(const TensorPart& part, std::span<const float> values);

// And small enough for `format`.
Status check_weights(const TensorPart& part, std::span<const float> values, WeightFormat format);

// Rounds scales or offsets that a checkpoint brings to the f16 that panels hold.
Status round_to_f16(const TensorPart& part, std::span<float> values);

}  // namespace puna

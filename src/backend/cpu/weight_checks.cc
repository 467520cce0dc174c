// What each format can hold, and the words for what it cannot.

#include "backend/cpu/weight_checks.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/check.h"
#include "base/float16.h"

namespace puna {
namespace {

constexpr uint16_t kLargestF16 = 0x7BFF;
constexpr uint16_t kLargestBf16 = 0x7F7F;

float largest_weight(WeightFormat format) {
  switch (format) {
    case WeightFormat::kF32:
      return std::numeric_limits<float>::max();
    case WeightFormat::kBf16:
      return bf16_to_f32(kLargestBf16);
    case WeightFormat::kInt8:
      // A rotated weight is at most 4 times the largest of its 32.
      return 127 * f16_to_f32(kLargestF16) / (kRotation * kWeightRotation);
    case WeightFormat::kInt4:
      return f16_to_f32(kLargestF16) /
             2;  // the offset is an f16, and may be searched a bit outside
  }
  check_failed(__FILE__, __LINE__, "format", "a WeightFormat that does not exist");
}

Status too_large(const TensorPart& part, float value, float most, std::string_view format) {
  return invalid_argument("{}: a {} of {}: at most {:.6g} fits {} (--weights f32 holds it)",
                          part.tensor, part.what, value, most, format);
}

}  // namespace

Status check_are_numbers(const TensorPart& part, std::span<const float> values) {
  const auto bad =
      std::find_if(values.begin(), values.end(), [](float value) { return !std::isfinite(value); });
  if (bad == values.end()) return Status();
  const auto index = static_cast<size_t>(bad - values.begin());
  return invalid_argument(
      "{}: {} {} of row {} is {}: the checkpoint, or an adapter that is merged into it, is "
      "damaged; fetch it again",
      part.tensor, part.what, index % part.row_size, part.first_row + index / part.row_size, *bad);
}

Status check_weights(const TensorPart& part, std::span<const float> values, WeightFormat format) {
  RETURN_IF_ERROR(check_are_numbers(part, values));
  const float most = largest_weight(format);
  for (const float value : values) {
    if (std::abs(value) > most) return too_large(part, value, most, describe(format));
  }
  return Status();
}

Status round_to_f16(const TensorPart& part, std::span<float> values) {
  RETURN_IF_ERROR(check_are_numbers(part, values));
  for (float& value : values) {
    const float rounded = f16_to_f32(f32_to_f16(value));
    if (!std::isfinite(rounded)) return too_large(part, value, f16_to_f32(kLargestF16), "an f16");
    value = rounded;
  }
  return Status();
}

}  // namespace puna

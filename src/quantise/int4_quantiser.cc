// A search over ranges, then alternating rounding and least squares, then the f16 that is stored.
//
// Every pass over a group is a loop over lanes without branches; a group costs about 30 passes.

#include "quantise/int4_quantiser.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "base/check.h"
#include "base/float16.h"

namespace puna {
namespace {

// Four floats in one register on every 64-bit processor (a vector type of GCC and clang). Sums run
// in lanes, in an order that is fixed.
using Lanes = float __attribute__((vector_size(16)));
constexpr size_t kLanes = 4;

constexpr float kNoFraction = 12582912.0F;  // 1.5 * 2^23: a float near it holds whole numbers only
constexpr float kF16Max = 65504;

// How far each end of a group's range is drawn in: the grid that is tried, then the step around the
// best of it. Found by comparing with a 40 x 40 grid on normal, Laplace and Student-t groups: the
// error is within 1 to 4 % of that grid's.
constexpr std::array kShrinks = {0.0F, 0.04F, 0.08F, 0.12F};
constexpr float kShrinkStep = 0.02F;
// Symmetric: which value (not only whole ones) the weight of largest magnitude is given.
constexpr std::array kExtremes = {7.0F, 7.5F, 8.0F, 8.5F, 9.0F, 9.5F, 10.0F, 10.5F};
constexpr int kRefitsMax = 2;

struct Group {
  size_t size = 0;
  bool symmetric = false;
  float center = 0;  // subtracted from the weights: their weighted mean, or 0 when symmetric
  float low = 0;     // of the weights, center subtracted
  float high = 0;
  float importance_sum = 0;
  alignas(32) std::array<float, kInt4GroupMax> weights;
  alignas(32) std::array<float, kInt4GroupMax> importance;  // mean 1

  float value_min() const { return symmetric ? -8.0F : 0.0F; }
  float value_max() const { return symmetric ? 7.0F : 15.0F; }
};

// weight ~ scale * value + offset, with the center subtracted; symmetric values are -8..7 in here.
struct Line {
  float scale = 0;
  float offset = 0;
};

struct Fit {
  Line line;
  float gain = -1;  // by how much it lowers the error of a line of scale 0
};

struct Stored {
  float scale = 0;
  float offset = 0;
  float error = 0;
  std::array<uint8_t, kInt4GroupMax> values;
};

Lanes load(const std::array<float, kInt4GroupMax>& values, size_t at) {
  Lanes lanes;
  std::memcpy(&lanes, values.data() + at, sizeof(lanes));
  return lanes;
}

float sum(Lanes lanes) { return (lanes[0] + lanes[2]) + (lanes[1] + lanes[3]); }

// Nearest whole numbers within [low, high], ties to even; a NaN becomes `low`.
Lanes nearest(Lanes value, Lanes low, Lanes high) {
  value = value > low ? value : low;
  value = value < high ? value : high;
  return (value + kNoFraction) - kNoFraction;
}

Lanes all(float value) { return Lanes{value, value, value, value}; }

float inverse_or_0(float value) { return std::abs(value) > 1e-30F ? 1.0F / value : 0.0F; }

float round_to_f16(float value) {
  return f16_to_f32(f32_to_f16(std::clamp(value, -kF16Max, kF16Max)));
}

// Centers the weights and brings the importance to a mean of 1.
Group make_group(std::span<const float> weights, std::span<const float> importance,
                 bool symmetric) {
  Group group;
  group.size = weights.size();
  group.symmetric = symmetric;
  double importance_sum = 0;
  for (const float value : importance) importance_sum += static_cast<double>(value);
  const bool is_plain = !(importance_sum > 0) || !std::isfinite(importance_sum);
  const auto size = static_cast<double>(group.size);
  const auto factor = static_cast<float>(is_plain ? 1.0 : size / importance_sum);
  double mean = 0;
  for (size_t i = 0; i < group.size; ++i) {
    group.importance[i] = is_plain ? 1.0F : importance[i] * factor;
    group.importance_sum += group.importance[i];
    mean += static_cast<double>(group.importance[i]) * static_cast<double>(weights[i]);
  }
  if (!symmetric) group.center = static_cast<float>(mean / size);
  for (size_t i = 0; i < group.size; ++i) {
    group.weights[i] = weights[i] - group.center;
    group.low = std::min(group.low, group.weights[i]);
    group.high = std::max(group.high, group.weights[i]);
  }
  return group;
}

// Gives every weight the value nearest on `line` and fits the best line to these values.
Fit refit(const Group& group, const Line& line) {
  const Lanes inverse = all(inverse_or_0(line.scale));
  const Lanes low = all(group.value_min());
  const Lanes high = all(group.value_max());
  Lanes values = {};
  Lanes squares = {};
  Lanes products = {};
  for (size_t i = 0; i < group.size; i += kLanes) {
    const Lanes weight = load(group.weights, i);
    const Lanes value = nearest((weight - line.offset) * inverse, low, high);
    const Lanes weighted = load(group.importance, i) * value;
    values += weighted;
    squares += weighted * value;
    products += weighted * weight;
  }
  const float mean = group.symmetric ? 0 : sum(values) / group.importance_sum;
  const float spread = sum(squares) - mean * sum(values);
  const float product = sum(products);  // with a center subtracted it is the covariance
  const float scale = spread > 1e-6F ? product / spread : 0;
  return {.line = {.scale = scale, .offset = -scale * mean}, .gain = scale * product};
}

// The offset that fits best to the values which weights have on `line`.
float refit_offset(const Group& group, const Line& line) {
  const Lanes inverse = all(inverse_or_0(line.scale));
  Lanes values = {};
  for (size_t i = 0; i < group.size; i += kLanes) {
    const Lanes weight = load(group.weights, i);
    values += load(group.importance, i) * nearest((weight - line.offset) * inverse,
                                                  all(group.value_min()), all(group.value_max()));
  }
  return -line.scale * sum(values) / group.importance_sum;
}

// Rounds scale and offset to f16 and chooses the values for what is stored.
Stored store(const Group& group, Line line) {
  Stored stored;
  stored.scale = line.scale = round_to_f16(line.scale);
  if (!group.symmetric) {
    stored.offset = round_to_f16(line.offset + group.center);
    line.offset = stored.offset - group.center;
  }
  const Lanes inverse = all(inverse_or_0(line.scale));
  const Lanes low = all(group.value_min());
  const Lanes high = all(group.value_max());
  Lanes errors = {};
  for (size_t i = 0; i < group.size; i += kLanes) {
    const Lanes weight = load(group.weights, i);
    const Lanes value = nearest((weight - line.offset) * inverse, low, high);
    const Lanes error = weight - (line.scale * value + line.offset);
    errors += load(group.importance, i) * error * error;
    for (size_t k = 0; k < kLanes; ++k) {
      stored.values[i + k] = static_cast<uint8_t>(static_cast<int>(value[k] - low[k]));
    }
  }
  stored.error = sum(errors);
  return stored;
}

// The same for a line that was fitted: the offset follows what the scale was rounded to.
Stored store_fitted(const Group& group, Line line) {
  line.scale = round_to_f16(line.scale);
  if (!group.symmetric) line.offset = refit_offset(group, line);
  return store(group, line);
}

Line plain_line(const Group& group) {
  if (!group.symmetric) {
    return {.scale = (group.high - group.low) / 15, .offset = group.low};
  }
  return {.scale = (group.high > -group.low ? group.high : group.low) / -8, .offset = 0};
}

class Search {
 public:
  explicit Search(const Group& group) : group_(group) {}

  Line run() {
    if (group_.symmetric) {
      const float extreme = group_.high > -group_.low ? group_.high : group_.low;
      for (const float value : kExtremes) {
        try_line({.scale = extreme / -value, .offset = 0});
        try_line({.scale = extreme / value, .offset = 0});
      }
    } else {
      try_ranges();
    }
    for (int i = 0; i < kRefitsMax; ++i) {
      if (!try_line(best_.line)) break;
    }
    return best_.line;
  }

 private:
  bool try_line(const Line& line) {
    const Fit fit = refit(group_, line);
    if (!(fit.gain > best_.gain)) return false;
    best_ = fit;
    return true;
  }

  void try_range(float low_shrink, float high_shrink) {
    const float range = group_.high - group_.low;
    const Line line = {.scale = range * (1 - low_shrink - high_shrink) / 15,
                       .offset = group_.low + low_shrink * range};
    if (!try_line(line)) return;
    low_shrink_ = low_shrink;
    high_shrink_ = high_shrink;
  }

  void try_ranges() {
    for (const float low_shrink : kShrinks) {
      for (const float high_shrink : kShrinks) try_range(low_shrink, high_shrink);
    }
    const float low_center = low_shrink_;
    const float high_center = high_shrink_;
    for (const float low_step : {-kShrinkStep, 0.0F, kShrinkStep}) {
      for (const float high_step : {-kShrinkStep, 0.0F, kShrinkStep}) {
        if (low_step == 0 && high_step == 0) continue;
        try_range(low_center + low_step, high_center + high_step);
      }
    }
  }

  const Group& group_;
  Fit best_;
  float low_shrink_ = 0;
  float high_shrink_ = 0;
};

void check_sizes(size_t row, size_t group, bool symmetric, size_t values, size_t scales,
                 size_t offsets) {
  CHECK(group > 0 && group <= kInt4GroupMax && group % kLanes == 0, "a group of whole lanes");
  CHECK(row % group == 0, "a row is made of whole groups");
  CHECK(values == row && scales == row / group, "a value per weight, a scale per group");
  CHECK(offsets == (symmetric ? 0 : scales), "offsets belong to asymmetric groups");
}

struct Row {
  std::span<uint8_t> values;
  std::span<float> scales;
  std::span<float> offsets;

  void set(size_t index, size_t group, const Stored& stored) const {
    std::copy_n(stored.values.begin(), group,
                values.begin() + static_cast<ptrdiff_t>(index * group));
    scales[index] = stored.scale;
    if (!offsets.empty()) offsets[index] = stored.offset;
  }
};

}  // namespace

void quantise_int4_row(std::span<const float> weights, std::span<const float> importance,
                       size_t group, bool symmetric, std::span<uint8_t> values,
                       std::span<float> scales, std::span<float> offsets) {
  check_sizes(weights.size(), group, symmetric, values.size(), scales.size(), offsets.size());
  CHECK(importance.empty() || importance.size() == weights.size(), "an importance per weight");
  const Row row = {values, scales, offsets};
  for (size_t index = 0; index < scales.size(); ++index) {
    const Group one = make_group(
        weights.subspan(index * group, group),
        importance.empty() ? importance : importance.subspan(index * group, group), symmetric);
    const Stored found = store_fitted(one, Search(one).run());
    const Stored plain = store(one, plain_line(one));
    row.set(index, group, found.error < plain.error ? found : plain);
  }
}

void round_int4_row(std::span<const float> weights, size_t group, bool symmetric,
                    std::span<uint8_t> values, std::span<float> scales, std::span<float> offsets) {
  check_sizes(weights.size(), group, symmetric, values.size(), scales.size(), offsets.size());
  const Row row = {values, scales, offsets};
  for (size_t index = 0; index < scales.size(); ++index) {
    const Group one = make_group(weights.subspan(index * group, group), {}, symmetric);
    row.set(index, group, store(one, plain_line(one)));
  }
}

double int4_row_error(std::span<const float> weights, std::span<const float> importance,
                      size_t group, std::span<const uint8_t> values, std::span<const float> scales,
                      std::span<const float> offsets) {
  double total = 0;
  for (size_t i = 0; i < weights.size(); ++i) {
    const double scale = scales[i / group];
    const double offset = offsets.empty() ? -8 * scale : static_cast<double>(offsets[i / group]);
    const double error = static_cast<double>(weights[i]) - (scale * values[i] + offset);
    total += (importance.empty() ? 1.0 : static_cast<double>(importance[i])) * error * error;
  }
  return total;
}

}  // namespace puna

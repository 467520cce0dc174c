// Indices of packed_layout.h's panels, in both directions.

#include "backend/cpu/panel_packer.h"

#include <algorithm>
#include <cmath>

#include "backend/cpu/row_kernels.h"
#include "backend/cpu/vector_portable.h"
#include "base/check.h"
#include "base/float16.h"

namespace puna {
namespace {

// Where value `i` of a group and column lies in the group's values, and by how many bits it is
// shifted.
struct ValuePlace {
  size_t byte;
  int shift;
};
ValuePlace place_of(WeightFormat format, size_t i, size_t column) {
  if (format == WeightFormat::kInt8) return {(i / 4 * kPanelColumns + column) * 4 + i % 4, 0};
  return {(i / 8 * kPanelColumns + column) * 4 + i % 4, i % 8 < 4 ? 0 : 4};
}

float read_quantised(const PackedLayout& layout, const std::byte* panel, size_t column, size_t i) {
  const std::byte* const group = panel + i / layout.group * layout.group_bytes();
  const auto* const header = reinterpret_cast<const uint16_t*>(group);
  const auto* const values = reinterpret_cast<const uint8_t*>(group + layout.header_bytes());
  const ValuePlace place = place_of(layout.format, i % layout.group, column);
  const float scale = f16_to_f32(header[column]);
  if (layout.format == WeightFormat::kInt8) {
    return scale * static_cast<float>(values[place.byte] - 128);
  }
  const auto value = static_cast<float>(values[place.byte] >> place.shift & 15);
  return layout.symmetric ? scale * (value - 8.0F)
                          : scale * value + f16_to_f32(header[kPanelColumns + column]);
}

void read_rotated(const PackedLayout& layout, const std::byte* panel, size_t column, float* out) {
  for (size_t first = 0; first < layout.k; first += kRotation) {
    float values[kRotation];
    for (size_t i = 0; i < kRotation; ++i) {
      values[i] = read_quantised(layout, panel, column, first + i);
    }
    rotate<VectorPortable>(values, kActivationRotation, values);
    std::copy_n(values, std::min(kRotation, layout.k - first), out + first);
  }
}

}  // namespace

QuantisedPanel::QuantisedPanel(const PackedLayout& layout)
    : values(kPanelColumns * layout.padded_k()),
      scales(kPanelColumns * layout.group_count()),
      offsets(layout.has_offsets() ? scales.size() : 0) {}

void write_panel(const PackedLayout& layout, std::span<const float> rows, std::byte* panel) {
  const size_t k = layout.padded_k();
  for (size_t i = 0; i < k; ++i) {
    for (size_t column = 0; column < kPanelColumns; ++column) {
      const float value = rows[column * k + i];
      if (layout.format == WeightFormat::kF32) {
        reinterpret_cast<float*>(panel)[i * kPanelColumns + column] = value;
      } else {
        const size_t pair = i / 2 * kPanelColumns + column;
        reinterpret_cast<uint16_t*>(panel)[2 * pair + i % 2] = f32_to_bf16(value);
      }
    }
  }
}

void write_panel(const PackedLayout& layout, const QuantisedPanel& quantised, std::byte* panel) {
  const size_t k = layout.padded_k();
  const size_t groups = layout.group_count();
  for (size_t g = 0; g < groups; ++g, panel += layout.group_bytes()) {
    auto* const header = reinterpret_cast<uint16_t*>(panel);
    auto* const values = reinterpret_cast<uint8_t*>(panel + layout.header_bytes());
    std::fill_n(values, layout.value_bytes(), uint8_t{0});
    for (size_t column = 0; column < kPanelColumns; ++column) {
      header[column] = f32_to_f16(quantised.scales[column * groups + g]);
      if (layout.has_offsets()) {
        header[kPanelColumns + column] = f32_to_f16(quantised.offsets[column * groups + g]);
      }
      const uint8_t* const from = &quantised.values[column * k + g * layout.group];
      for (size_t i = 0; i < layout.group; ++i) {
        const ValuePlace place = place_of(layout.format, i, column);
        values[place.byte] = static_cast<uint8_t>(values[place.byte] | from[i] << place.shift);
      }
    }
  }
}

void quantise_int8(const PackedLayout& layout, std::span<const float> rows,
                   QuantisedPanel& quantised) {
  for (size_t g = 0; g < quantised.scales.size(); ++g) {
    float weights[kGroupMax];
    std::copy_n(&rows[g * layout.group], layout.group, weights);
    float largest = 0;
    for (size_t i = 0; i < layout.group; i += kRotation) {
      rotate<VectorPortable>(weights + i, kWeightRotation, weights + i);
    }
    for (size_t i = 0; i < layout.group; ++i) largest = std::max(largest, std::abs(weights[i]));
    // The scale is rounded first and the values by the rounded scale, so that its rounding costs
    // no accuracy; rounding it down may need 128, which is cut to 127.
    const float scale = f16_to_f32(f32_to_f16(largest / 127.0F));
    for (size_t i = 0; i < layout.group; ++i) {
      const float value = scale > 0 ? std::nearbyint(weights[i] / scale) : 0.0F;
      const int cut = static_cast<int>(std::clamp(value, -127.0F, 127.0F));
      quantised.values[g * layout.group + i] = static_cast<uint8_t>(cut + 128);
    }
    quantised.scales[g] = scale;
  }
}

void read_column(const PackedLayout& layout, const std::byte* panel, size_t column, float* out) {
  if (layout.rotated) return read_rotated(layout, panel, column, out);
  for (size_t i = 0; i < layout.k; ++i) {
    switch (layout.format) {
      case WeightFormat::kF32:
        out[i] = reinterpret_cast<const float*>(panel)[i * kPanelColumns + column];
        break;
      case WeightFormat::kBf16: {
        const size_t pair = i / 2 * kPanelColumns + column;
        out[i] = bf16_to_f32(reinterpret_cast<const uint16_t*>(panel)[2 * pair + i % 2]);
        break;
      }
      case WeightFormat::kInt8:
      case WeightFormat::kInt4:
        out[i] = read_quantised(layout, panel, column, i);
        break;
    }
  }
}

}  // namespace puna

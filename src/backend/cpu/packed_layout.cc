// Sizes of panels. Nothing overflows: llama_config.h bounds both sides of a matrix.

#include "backend/cpu/packed_layout.h"

#include "base/check.h"

namespace puna {

size_t PackedLayout::value_bytes() const {
  return kPanelColumns * group / (format == WeightFormat::kInt4 ? 2 : 1);
}

size_t PackedLayout::header_bytes() const {
  return kPanelColumns * sizeof(uint16_t) * (has_offsets() ? 2 : 1);
}

size_t PackedLayout::panel_bytes() const {
  switch (format) {
    case WeightFormat::kF32:
      return padded_k() * kPanelColumns * sizeof(float);
    case WeightFormat::kBf16:
      return padded_k() * kPanelColumns * sizeof(uint16_t);
    case WeightFormat::kInt8:
    case WeightFormat::kInt4:
      return group_count() * group_bytes();
  }
  check_failed(__FILE__, __LINE__, "format", "a WeightFormat that does not exist");
}

}  // namespace puna

// Unpacks ggml's 4-bit and 8-bit blocks without multiplying their values by the scale.

#include "model/block_values.h"

#include <cstring>

#include "base/check.h"
#include "model/dequantize.h"
#include "model/ggml_blocks.h"

namespace puna {
namespace {

using ggml::Byte;
using ggml::load_f16;

constexpr size_t kGroup = 32;  // of every format here

// 16 bytes: their low halves are values 0..15, their high halves 16..31.
void unpack_halves(const Byte* bytes, uint8_t* values) {
  for (size_t i = 0; i < 16; ++i) {
    values[i] = static_cast<uint8_t>(ggml::low_nibble(bytes[i]));
    values[i + 16] = static_cast<uint8_t>(ggml::high_nibble(bytes[i]));
  }
}

void unpack_q4_0(const Byte* block, uint8_t* values, float* scales) {
  scales[0] = load_f16(block);
  unpack_halves(block + 2, values);
}

void unpack_q4_1(const Byte* block, uint8_t* values, float* scales, float* offsets) {
  scales[0] = load_f16(block);
  offsets[0] = load_f16(block + 2);
  unpack_halves(block + 4, values);
}

void unpack_q4_k(const Byte* block, uint8_t* values, float* scales, float* offsets) {
  const float scale = load_f16(block);
  const float minimum = load_f16(block + 2);
  const Byte* quants = block + 16;
  for (int index = 0; index < 8; ++index, values += kGroup) {
    const ggml::ScaleAndMinimum group = ggml::unpack_6bit_pair(block + 4, index);
    scales[index] = scale * static_cast<float>(group.scale);
    offsets[index] = -(minimum * static_cast<float>(group.minimum));
    const Byte* bytes = quants + static_cast<size_t>(index / 2) * kGroup;  // shared by a pair
    for (size_t i = 0; i < kGroup; ++i) {
      values[i] = static_cast<uint8_t>(index % 2 == 0 ? ggml::low_nibble(bytes[i])
                                                      : ggml::high_nibble(bytes[i]));
    }
  }
}

void check_sizes(TensorType type, size_t stored_bytes, size_t value_count, size_t scale_count) {
  const BlockShape shape = block_shape(type);
  CHECK(stored_bytes % static_cast<size_t>(shape.byte_count) == 0, "rows are made of whole blocks");
  CHECK(value_count == stored_bytes / static_cast<size_t>(shape.byte_count) *
                           static_cast<size_t>(shape.value_count),
        "stored bytes and values must agree");
  CHECK(scale_count == value_count / kGroup, "every group has a scale");
}

}  // namespace

std::optional<QuantisedLayout> quantised_layout_of(TensorType type) {
  switch (type) {
    case TensorType::kQ4_0:
      return QuantisedLayout{.group = kGroup, .symmetric = true};
    case TensorType::kQ4_1:
    case TensorType::kQ4_K:
      return QuantisedLayout{.group = kGroup, .symmetric = false};
    default:
      return std::nullopt;
  }
}

void unpack_quantised(TensorType type, std::span<const std::byte> stored, std::span<uint8_t> values,
                      std::span<float> scales, std::span<float> offsets) {
  check_sizes(type, stored.size(), values.size(), scales.size());
  const bool symmetric = type == TensorType::kQ4_0;
  CHECK(offsets.size() == (symmetric ? 0 : scales.size()), "offsets belong to asymmetric types");
  const BlockShape shape = block_shape(type);
  const auto* block = reinterpret_cast<const Byte*>(stored.data());
  for (size_t done = 0; done < values.size(); done += static_cast<size_t>(shape.value_count)) {
    uint8_t* out = values.data() + done;
    float* scale = scales.data() + done / kGroup;
    if (symmetric) {
      unpack_q4_0(block, out, scale);
    } else if (type == TensorType::kQ4_1) {
      unpack_q4_1(block, out, scale, offsets.data() + done / kGroup);
    } else {
      CHECK(type == TensorType::kQ4_K, "only 4-bit types are unpacked");
      unpack_q4_k(block, out, scale, offsets.data() + done / kGroup);
    }
    block += shape.byte_count;
  }
}

std::optional<Int8Layout> int8_layout_of(TensorType type) {
  if (type != TensorType::kQ8_0) return std::nullopt;
  return Int8Layout{.group = kGroup};
}

void unpack_int8(TensorType type, std::span<const std::byte> stored, std::span<int8_t> values,
                 std::span<float> scales) {
  CHECK(type == TensorType::kQ8_0, "only Q8_0 is unpacked");
  check_sizes(type, stored.size(), values.size(), scales.size());
  const auto* block = reinterpret_cast<const Byte*>(stored.data());
  for (size_t group = 0; group < scales.size(); ++group) {
    scales[group] = load_f16(block);
    std::memcpy(values.data() + group * kGroup, block + 2, kGroup);
    block += 2 + kGroup;
  }
}

}  // namespace puna

// One function per block format; each multiplies in f32 in the order of ggml's reference, so
// results are equal to it bit for bit.

#include "model/dequantize.h"

#include <cstring>

#include "base/check.h"
#include "base/float16.h"
#include "model/ggml_blocks.h"

namespace puna {
namespace {

using ggml::Byte;
using ggml::high_nibble;
using ggml::load;
using ggml::load_f16;
using ggml::low_nibble;
using ggml::ScaleAndMinimum;
using ggml::unpack_6bit_pair;

void decode_q8_0(const Byte* block, float* out) {  // f16 scale, 32 * i8
  const float scale = load_f16(block);
  for (int i = 0; i < 32; ++i) {
    out[i] = static_cast<float>(static_cast<int8_t>(block[2 + i])) * scale;
  }
}

void decode_q4_0(const Byte* block, float* out) {  // f16 scale, 16 bytes: low halves are 0..15
  const float scale = load_f16(block);
  for (int i = 0; i < 16; ++i) {
    out[i] = static_cast<float>(low_nibble(block[2 + i]) - 8) * scale;
    out[i + 16] = static_cast<float>(high_nibble(block[2 + i]) - 8) * scale;
  }
}

void decode_q4_1(const Byte* block, float* out) {  // f16 scale, f16 minimum, 16 bytes
  const float scale = load_f16(block);
  const float minimum = load_f16(block + 2);
  for (int i = 0; i < 16; ++i) {
    out[i] = static_cast<float>(low_nibble(block[4 + i])) * scale + minimum;
    out[i + 16] = static_cast<float>(high_nibble(block[4 + i])) * scale + minimum;
  }
}

// Bit i of `high` is the fifth bit of value i.
int fifth_bit(uint32_t high, int i) { return static_cast<int>(high >> i & 1u) << 4; }

void decode_q5_0(const Byte* block, float* out) {  // f16 scale, u32 fifth bits, 16 bytes
  const float scale = load_f16(block);
  const auto high = load<uint32_t>(block + 2);
  for (int i = 0; i < 16; ++i) {
    out[i] = static_cast<float>((low_nibble(block[6 + i]) | fifth_bit(high, i)) - 16) * scale;
    out[i + 16] =
        static_cast<float>((high_nibble(block[6 + i]) | fifth_bit(high, i + 16)) - 16) * scale;
  }
}

void decode_q5_1(const Byte* block, float* out) {  // f16 scale, f16 minimum, u32, 16 bytes
  const float scale = load_f16(block);
  const float minimum = load_f16(block + 2);
  const auto high = load<uint32_t>(block + 4);
  for (int i = 0; i < 16; ++i) {
    out[i] = static_cast<float>(low_nibble(block[8 + i]) | fifth_bit(high, i)) * scale + minimum;
    out[i + 16] =
        static_cast<float>(high_nibble(block[8 + i]) | fifth_bit(high, i + 16)) * scale + minimum;
  }
}

void decode_q4_k(const Byte* block, float* out) {  // f16 scale, f16 minimum, 12 bytes, 128 bytes
  const float scale = load_f16(block);
  const float minimum = load_f16(block + 2);
  const Byte* quants = block + 16;
  for (int pair = 0; pair < 4; ++pair, quants += 32) {  // 64 values: low halves, then high halves
    for (int half = 0; half < 2; ++half) {
      const ScaleAndMinimum group = unpack_6bit_pair(block + 4, 2 * pair + half);
      const float group_scale = scale * static_cast<float>(group.scale);
      const float group_minimum = minimum * static_cast<float>(group.minimum);
      for (int i = 0; i < 32; ++i) {
        const int value = half == 0 ? low_nibble(quants[i]) : high_nibble(quants[i]);
        *out++ = group_scale * static_cast<float>(value) - group_minimum;
      }
    }
  }
}

void decode_q5_k(const Byte* block, float* out) {  // as Q4_K with 32 bytes of fifth bits before
  const float scale = load_f16(block);
  const float minimum = load_f16(block + 2);
  const Byte* fifth_bits = block + 16;
  const Byte* quants = block + 48;
  for (int pair = 0; pair < 4; ++pair, quants += 32) {
    for (int half = 0; half < 2; ++half) {
      const int group_index = 2 * pair + half;
      const ScaleAndMinimum group = unpack_6bit_pair(block + 4, group_index);
      const float group_scale = scale * static_cast<float>(group.scale);
      const float group_minimum = minimum * static_cast<float>(group.minimum);
      for (int i = 0; i < 32; ++i) {
        const int low = half == 0 ? low_nibble(quants[i]) : high_nibble(quants[i]);
        const int value = low | (fifth_bits[i] >> group_index & 1) << 4;
        *out++ = group_scale * static_cast<float>(value) - group_minimum;
      }
    }
  }
}

void decode_q6_k(const Byte* block,
                 float* out) {  // 128 low halves, 64 top bits, 16 * i8, f16 scale
  const Byte* low_halves = block;
  const Byte* top_bits = block + 128;
  const Byte* scales = block + 192;
  const float scale = load_f16(block + 208);
  for (int half = 0; half < 2; ++half) {             // 128 values each
    for (int quarter = 0; quarter < 4; ++quarter) {  // 32 values each
      for (int i = 0; i < 32; ++i) {
        const Byte packed = low_halves[64 * half + 32 * (quarter & 1) + i];
        const int low = quarter < 2 ? low_nibble(packed) : high_nibble(packed);
        const int top = top_bits[32 * half + i] >> (2 * quarter) & 3;
        const auto group_scale = static_cast<int8_t>(scales[8 * half + 2 * quarter + i / 16]);
        *out++ =
            scale * static_cast<float>(group_scale) * static_cast<float>((low | top << 4) - 32);
      }
    }
  }
}

template <void (*decode)(const Byte*, float*)>
void decode_blocks(const Byte* stored, BlockShape shape, std::span<float> out) {
  for (size_t done = 0; done < out.size(); done += static_cast<size_t>(shape.value_count)) {
    decode(stored, out.data() + done);
    stored += shape.byte_count;
  }
}

}  // namespace

BlockShape block_shape(TensorType type) {
  switch (type) {
    case TensorType::kF32:
      return {1, 4};
    case TensorType::kF16:
      return {1, 2};
    case TensorType::kBf16:
      return {1, 2};
    case TensorType::kQ8_0:
      return {32, 34};
    case TensorType::kQ4_0:
      return {32, 18};
    case TensorType::kQ4_1:
      return {32, 20};
    case TensorType::kQ5_0:
      return {32, 22};
    case TensorType::kQ5_1:
      return {32, 24};
    case TensorType::kQ4_K:
      return {256, 144};
    case TensorType::kQ5_K:
      return {256, 176};
    case TensorType::kQ6_K:
      return {256, 210};
    case TensorType::kAwq:
    case TensorType::kGptq:
      break;  // not stored in blocks
  }
  check_failed(__FILE__, __LINE__, "type", "a TensorType without blocks");
}

int64_t row_bytes(TensorType type, int64_t column_count) {
  const BlockShape shape = block_shape(type);
  if (column_count % shape.value_count != 0) return -1;
  return column_count / shape.value_count * shape.byte_count;
}

void dequantize(TensorType type, std::span<const std::byte> stored, std::span<float> out) {
  const BlockShape shape = block_shape(type);
  CHECK(std::ssize(out) % shape.value_count == 0, "rows are made of whole blocks");
  CHECK(std::ssize(stored) == std::ssize(out) / shape.value_count * shape.byte_count,
        "stored bytes and values must agree");
  const auto* bytes = reinterpret_cast<const Byte*>(stored.data());
  switch (type) {
    case TensorType::kF32:
      if (!out.empty()) std::memcpy(out.data(), bytes, out.size_bytes());
      return;
    case TensorType::kF16:
      for (size_t i = 0; i < out.size(); ++i) out[i] = load_f16(bytes + 2 * i);
      return;
    case TensorType::kBf16:
      for (size_t i = 0; i < out.size(); ++i) out[i] = bf16_to_f32(load<uint16_t>(bytes + 2 * i));
      return;
    case TensorType::kQ8_0:
      return decode_blocks<decode_q8_0>(bytes, shape, out);
    case TensorType::kQ4_0:
      return decode_blocks<decode_q4_0>(bytes, shape, out);
    case TensorType::kQ4_1:
      return decode_blocks<decode_q4_1>(bytes, shape, out);
    case TensorType::kQ5_0:
      return decode_blocks<decode_q5_0>(bytes, shape, out);
    case TensorType::kQ5_1:
      return decode_blocks<decode_q5_1>(bytes, shape, out);
    case TensorType::kQ4_K:
      return decode_blocks<decode_q4_k>(bytes, shape, out);
    case TensorType::kQ5_K:
      return decode_blocks<decode_q5_k>(bytes, shape, out);
    case TensorType::kQ6_K:
      return decode_blocks<decode_q6_k>(bytes, shape, out);
    case TensorType::kAwq:
    case TensorType::kGptq:
      break;  // block_shape() has refused them
  }
}

}  // namespace puna

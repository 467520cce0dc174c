// Offsets of the KV cache, and writing a position in each of its layouts.

#include "backend/cpu/kv_cache.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "backend/step_batch.h"
#include "base/float16.h"

namespace puna {
namespace {

static_assert(kBlockPositions == kKvBlockPositions);

KvLayout layout_of(const LlamaConfig& config, KvCacheType type) {
  const auto head_dim = static_cast<size_t>(config.head_dim);
  switch (type) {
    case KvCacheType::kF32:
      return KvLayout::of<float>(head_dim);
    case KvCacheType::kBf16:
      return KvLayout::of<uint16_t>(head_dim);
    case KvCacheType::kInt8:
      return KvLayout::of<int8_t>(head_dim);
  }
  check_failed(__FILE__, __LINE__, "type", "a KvCacheType that does not exist");
}

// One position of a block.
struct Position {
  std::byte* block;
  const KvLayout& layout;
  size_t head_dim;
  size_t slot;
};

void write_f32(const Position& at, const float* key, const float* value) {
  auto* const keys = reinterpret_cast<float*>(at.block) + at.slot;
  auto* const values = reinterpret_cast<float*>(at.block + at.layout.values_begin) +
                       at.slot * at.layout.value_stride;
  for (size_t i = 0; i < at.head_dim; ++i) {
    keys[i * kBlockPositions] = key[i];
    values[i] = value[i];
  }
}

void write_bf16(const Position& at, bool is_last, const float* key, const float* value) {
  auto* const keys = reinterpret_cast<uint16_t*>(at.block) + 2 * at.slot;
  auto* const values = reinterpret_cast<uint16_t*>(at.block + at.layout.values_begin) +
                       at.slot / 2 * 2 * at.layout.value_stride;
  const size_t half = at.slot % 2;
  for (size_t i = 0; i < at.head_dim; ++i) {
    keys[i / 2 * 2 * kBlockPositions + i % 2] = f32_to_bf16(key[i]);
    values[2 * i + half] = f32_to_bf16(value[i]);
    if (half == 0 && is_last) values[2 * i + 1] = 0;
  }
}

// Symmetric: the largest magnitude becomes 127. Returns the scale: NaN when `from` holds anything
// but numbers, which integers cannot tell.
template <class Place>
float quantise(const float* from, size_t size, Place place) {
  float largest = 0;
  bool are_numbers = true;
  for (size_t i = 0; i < size; ++i) {
    largest = std::max(largest, std::abs(from[i]));
    are_numbers = are_numbers && std::isfinite(from[i]);
  }
  if (!are_numbers) {
    for (size_t i = 0; i < size; ++i) place(i) = 0;
    return std::numeric_limits<float>::quiet_NaN();
  }
  const float inverse = inverse_of_scale(largest);
  for (size_t i = 0; i < size; ++i) place(i) = static_cast<int8_t>(std::lrint(from[i] * inverse));
  return largest / 127.0F;
}

void write_int8(const Position& at, const float* key, const float* value) {
  auto* const keys = reinterpret_cast<int8_t*>(at.block) + at.slot;
  auto* const values = reinterpret_cast<int8_t*>(at.block + at.layout.values_begin) +
                       at.slot * at.layout.value_stride;
  auto* const scales = reinterpret_cast<float*>(at.block + at.layout.scales_begin) + at.slot;
  scales[0] =
      quantise(key, at.head_dim, [&](size_t i) -> int8_t& { return keys[i * kBlockPositions]; });
  scales[kBlockPositions] =
      quantise(value, at.head_dim, [&](size_t i) -> int8_t& { return values[i]; });
}

}  // namespace

Result<KvCache> KvCache::allocate(const LlamaConfig& config, KvCacheType type, int block_count) {
  KvCache cache;
  cache.type_ = type;
  cache.head_dim_ = static_cast<size_t>(config.head_dim);
  cache.kv_heads_ = static_cast<size_t>(config.num_key_value_heads);
  cache.block_count_ = static_cast<size_t>(block_count);
  cache.layout_ = layout_of(config, type);
  const int64_t bytes = kv_block_bytes(config, type) * block_count;
  ASSIGN_OR_RETURN(cache.memory_, PageMemory::allocate(static_cast<size_t>(bytes), "the KV cache"));
  return cache;
}

const std::byte* KvCache::base(size_t layer, size_t kv_head) const {
  return memory_.data() + (layer * block_count_ * kv_heads_ + kv_head) * layout_.bytes;
}

void KvCache::write(size_t layer, size_t kv_head, size_t block, size_t slot, bool is_last,
                    const float* key, const float* value) {
  const Position at = {
      .block =
          memory_.data() + ((layer * block_count_ + block) * kv_heads_ + kv_head) * layout_.bytes,
      .layout = layout_,
      .head_dim = head_dim_,
      .slot = slot};
  switch (type_) {
    case KvCacheType::kF32:
      return write_f32(at, key, value);
    case KvCacheType::kBf16:
      return write_bf16(at, is_last, key, value);
    case KvCacheType::kInt8:
      return write_int8(at, key, value);
  }
}

void KvCache::fill(ThreadPool& pool) {
  // In f32 and bf16 alike this byte, repeated, is about 0.01.
  constexpr int kByte = 0x3C;
  constexpr size_t kFilledAtOnce = size_t{4} << 20;
  pool.parallel_for(memory_.size(), kFilledAtOnce, [&](size_t first, size_t last) {
    std::memset(memory_.data() + first, kByte, last - first);
  });
}

}  // namespace puna

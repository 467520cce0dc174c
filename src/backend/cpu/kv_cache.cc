// Offsets of the KV cache, and writing a position in its two layouts.

#include "backend/cpu/kv_cache.h"

#include "backend/step_batch.h"
#include "base/float16.h"

namespace puna {
namespace {

size_t value_stride(size_t head_dim) { return padded(head_dim, kLanes); }

size_t bytes_of_head(const LlamaConfig& config, KvCache::Type type) {
  const auto head_dim = static_cast<size_t>(config.head_dim);
  const size_t value_bytes = type == KvCache::Type::kF32 ? sizeof(float) : sizeof(uint16_t);
  return kBlockTokens * (head_dim + value_stride(head_dim)) * value_bytes;
}

float convert(float value, float /*as*/) { return value; }
uint16_t convert(float value, uint16_t /*as*/) { return f32_to_bf16(value); }

template <class T>
void write_position(T* head, size_t head_dim, size_t slot, const float* key, const float* value) {
  for (size_t i = 0; i < head_dim; ++i) head[i * kBlockTokens + slot] = convert(key[i], T{});
  T* const row = head + head_dim * kBlockTokens + slot * value_stride(head_dim);
  for (size_t i = 0; i < head_dim; ++i) row[i] = convert(value[i], T{});
}

}  // namespace

int64_t KvCache::block_bytes(const LlamaConfig& config, Type type) {
  return int64_t{config.num_hidden_layers} * config.num_key_value_heads *
         static_cast<int64_t>(bytes_of_head(config, type));
}

Result<KvCache> KvCache::allocate(const LlamaConfig& config, Type type, int block_count) {
  KvCache cache;
  cache.type_ = type;
  cache.head_dim_ = static_cast<size_t>(config.head_dim);
  cache.kv_heads_ = static_cast<size_t>(config.num_key_value_heads);
  cache.block_count_ = static_cast<size_t>(block_count);
  cache.head_bytes_ = bytes_of_head(config, type);
  const int64_t bytes = block_bytes(config, type) * block_count;
  ASSIGN_OR_RETURN(cache.memory_, PageMemory::allocate(static_cast<size_t>(bytes), "the KV cache"));
  return cache;
}

const std::byte* KvCache::base(size_t layer, size_t kv_head) const {
  return memory_.data() + (layer * block_count_ * kv_heads_ + kv_head) * head_bytes_;
}

void KvCache::write(size_t layer, size_t kv_head, size_t block, size_t slot, const float* key,
                    const float* value) {
  std::byte* const head =
      memory_.data() + ((layer * block_count_ + block) * kv_heads_ + kv_head) * head_bytes_;
  if (type_ == Type::kF32) {
    write_position(reinterpret_cast<float*>(head), head_dim_, slot, key, value);
  } else {
    write_position(reinterpret_cast<uint16_t*>(head), head_dim_, slot, key, value);
  }
}

}  // namespace puna

// KvCache: room for K and V of every block, layer and KV head, as the attention kernel reads it.
//
// [layer][block][kv_head] of K [head_dim][64] (positions side by side) and V [64][head_dim padded
// to 16]. Pages take memory when they are first written.
#pragma once

#include "backend/cpu/kernels.h"
#include "backend/cpu/page_memory.h"
#include "model/llama_config.h"

namespace puna {

class KvCache {
 public:
  enum class Type { kF32, kBf16 };

  KvCache() = default;
  static Result<KvCache> allocate(const LlamaConfig& config, Type type, int block_count);
  // Bytes of one block over all layers.
  static int64_t block_bytes(const LlamaConfig& config, Type type);

  Type type() const { return type_; }
  // Writes one position of one KV head: key and value are [head_dim].
  void write(size_t layer, size_t kv_head, size_t block, size_t slot, const float* key,
             const float* value);
  // Where the blocks of a layer and KV head begin; they are block_stride() apart.
  const std::byte* base(size_t layer, size_t kv_head) const;
  size_t block_stride() const { return kv_heads_ * head_bytes_; }

 private:
  Type type_ = Type::kBf16;
  size_t head_dim_ = 0;
  size_t kv_heads_ = 0;
  size_t block_count_ = 0;
  size_t head_bytes_ = 0;  // of one block, layer and KV head
  PageMemory memory_;
};

}  // namespace puna

// KvCache: room for K and V of every block, layer and KV head: [layer][block][kv_head] of what
// kv_layout.h describes. Pages take memory when they are first written.
#pragma once

#include "backend/cpu/kv_layout.h"
#include "backend/cpu/page_memory.h"
#include "backend/open_backend.h"
#include "base/thread_pool.h"
#include "model/llama_config.h"

namespace puna {

class KvCache {
 public:
  KvCache() = default;
  static Result<KvCache> allocate(const LlamaConfig& config, KvCacheType type, int block_count);

  KvCacheType type() const { return type_; }
  // Writes one position of one KV head: key and value are [head_dim]. Where the next position
  // shares its pair and `is_last` says that no other write brings it, that one becomes zero.
  void write(size_t layer, size_t kv_head, size_t block, size_t slot, bool is_last,
             const float* key, const float* value);
  // Writes finite values into every block.
  void fill(ThreadPool& pool);
  // Where the blocks of a layer and KV head begin; they are block_stride() apart.
  const std::byte* base(size_t layer, size_t kv_head) const;
  size_t block_stride() const { return kv_heads_ * layout_.bytes; }

 private:
  KvCacheType type_ = KvCacheType::kBf16;
  size_t head_dim_ = 0;
  size_t kv_heads_ = 0;
  size_t block_count_ = 0;
  KvLayout layout_;
  PageMemory memory_;
};

}  // namespace puna

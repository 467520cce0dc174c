// A stack: the block that was used last is used next, while it is still in a cache.

#include "engine/kv_blocks.h"

#include <numeric>

#include "base/check.h"

namespace puna {

KvBlocks::KvBlocks(int block_count) : total_(block_count), free_(static_cast<size_t>(block_count)) {
  std::iota(free_.rbegin(), free_.rend(), 0);
}

int KvBlocks::allocate() {
  CHECK(!free_.empty(), "a block was taken from an empty pool");
  const int block = free_.back();
  free_.pop_back();
  return block;
}

void KvBlocks::release(std::vector<int>& block_table) {
  free_.insert(free_.end(), block_table.rbegin(), block_table.rend());
  block_table.clear();
  CHECK(free_count() <= total_, "a block was given back twice");
}

}  // namespace puna

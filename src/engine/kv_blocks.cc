// A stack: the block that was used last is used next, while it is still in a cache.

#include "engine/kv_blocks.h"

#include <numeric>

#include "base/check.h"

namespace puna {

KvBlocks::KvBlocks(int block_count)
    : free_(static_cast<size_t>(block_count)), taken_(static_cast<size_t>(block_count), false) {
  std::iota(free_.rbegin(), free_.rend(), 0);
}

int KvBlocks::allocate() {
  CHECK(!free_.empty(), "a block was taken from an empty pool");
  const int block = free_.back();
  free_.pop_back();
  DCHECK(!taken_[static_cast<size_t>(block)], "a block has one owner");
  taken_[static_cast<size_t>(block)] = true;
  return block;
}

void KvBlocks::release(std::vector<int>& block_table, size_t kept_count) {
  while (block_table.size() > kept_count) {
    const int block = block_table.back();
    block_table.pop_back();
    // Two owners would read each other's text.
    CHECK(taken_[static_cast<size_t>(block)], "a block was given back twice");
    taken_[static_cast<size_t>(block)] = false;
    free_.push_back(block);
  }
}

}  // namespace puna

// KvBlocks: which KV blocks are free. Plain data; what is in a block is the backend's.
#pragma once

#include <cstddef>
#include <vector>

namespace puna {

// Invariant: a block is free, or in the table of one owner.
class KvBlocks {
 public:
  explicit KvBlocks(int block_count);

  int total() const { return static_cast<int>(taken_.size()); }
  int free_count() const { return static_cast<int>(free_.size()); }
  int used_count() const { return total() - free_count(); }
  const std::vector<int>& free_blocks() const { return free_; }

  // The caller has checked free_count().
  int allocate();
  // Gives back what a table has beyond its first `kept_count` blocks.
  void release(std::vector<int>& block_table, size_t kept_count = 0);

 private:
  std::vector<int> free_;    // never grows beyond its first size: giving back needs no memory
  std::vector<bool> taken_;  // [total]
};

}  // namespace puna

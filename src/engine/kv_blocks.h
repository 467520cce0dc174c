// KvBlocks: which KV blocks are free. Plain data; what is in a block is the backend's.
#pragma once

#include <cstddef>
#include <vector>

namespace puna {

class KvBlocks {
 public:
  explicit KvBlocks(int block_count);

  int total() const { return total_; }
  int free_count() const { return static_cast<int>(free_.size()); }
  int used_count() const { return total_ - free_count(); }

  // The caller has checked free_count().
  int allocate();
  // Gives all of them back and empties the table.
  void release(std::vector<int>& block_table);

 private:
  const int total_;
  std::vector<int> free_;
};

}  // namespace puna

// KvPool: which KV blocks are free, who holds the others, and which of them serve whoever has the
// same beginning. What is in a block is the backend's.
//
// A full block is published under its tokens, its salt and the published block before it. One that
// nobody holds is still found, until its room is needed: first the one that was let go longest ago.
// The hash only leads to a block; all that it stands for is compared, so a collision costs time and
// never gives another's text. Nothing but the constructor takes memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "model/llama_config.h"

namespace puna {

// Only sequences with an equal salt share blocks; null: none.
using CacheSalt = std::shared_ptr<const std::string>;

// Invariants: a block is free, idle (published, held by nobody) or held. Whoever holds a published
// block holds the one before it, and lets it go later: what is published has all before it.
class KvPool {
 public:
  static constexpr int kNoBlock = -1;

  KvPool(int block_count, int block_tokens);

  int total() const { return static_cast<int>(blocks_.size()); }
  int free_count() const { return static_cast<int>(free_.size()) + idle_count_; }  // to be taken
  int used_count() const { return total() - free_count(); }
  int idle_count() const { return idle_count_; }
  int pinned_count() const { return pinned_count_; }

  int holder_count(int block) const { return at(block).holder_count; }
  bool is_published(int block) const { return at(block).is_published; }
  bool is_pinned(int block) const { return at(block).is_pinned; }
  int before(int block) const { return at(block).before; }  // of a published one

  // A block with nothing in it, and one holder. The caller has checked free_count().
  int take();
  // One holder more, of a block that is published.
  void hold(int block);
  // Gives back what a table has beyond its first `kept_count` blocks, the last first.
  void release(std::vector<int>& block_table, size_t kept_count = 0);

  // A published block gets a holder that never lets it go. It is found with every salt.
  void pin(int block);

  // The published block with these tokens, whose one before is `before`; kNoBlock: there is none.
  int find(int before, std::span<const TokenId> tokens, const CacheSalt& salt) const;
  // `block` has been computed and will not be written again. Returns the block that its holder
  // holds from now on: another, when that was published with the same before.
  int publish(int block, int before, std::span<const TokenId> tokens, const CacheSalt& salt);

 private:
  struct Block {
    int holder_count = 0;
    bool is_published = false;
    bool is_pinned = false;
    int before = kNoBlock;
    int after_count = 0;  // published blocks whose one before it is
    CacheSalt salt;
    uint64_t hash = 0;
    int next_in_bucket = kNoBlock;
    int older = kNoBlock, newer = kNoBlock;  // among the idle
  };

  const Block& at(int block) const { return blocks_[static_cast<size_t>(block)]; }
  Block& at(int block) { return blocks_[static_cast<size_t>(block)]; }
  std::span<TokenId> tokens_of(int block);
  std::span<const TokenId> tokens_of(int block) const;
  int& bucket_of(uint64_t hash) { return buckets_[hash & (buckets_.size() - 1)]; }
  int bucket_of(uint64_t hash) const { return buckets_[hash & (buckets_.size() - 1)]; }
  uint64_t hash_of(int before, std::span<const TokenId> tokens, const CacheSalt& salt) const;
  int find_salted(int before, std::span<const TokenId> tokens, const CacheSalt& salt) const;
  void let_go(int block);
  void add_idle(int block);
  void remove_idle(int block);
  void forget(int block);

  const size_t block_tokens_;
  const uint64_t hash_key_;  // drawn, so that nobody can aim at a bucket; decides nothing else
  std::vector<Block> blocks_;
  std::vector<TokenId> tokens_;  // [total, block_tokens], of published blocks
  std::vector<int> buckets_;     // the first block of each; a power of two of them
  std::vector<int> free_;        // a stack: the one used last is used next, while it is in a cache
  int oldest_idle_ = kNoBlock, newest_idle_ = kNoBlock;
  int idle_count_ = 0;
  int pinned_count_ = 0;
};

}  // namespace puna

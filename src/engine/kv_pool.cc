// Lists and buckets run through the blocks themselves.

#include "engine/kv_pool.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <numeric>
#include <utility>

#include "base/check.h"
#include "base/random_seed.h"

namespace puna {
namespace {

// The finaliser of SplitMix64 (Steele, Lea, Flood 2014).
uint64_t mix(uint64_t value) {
  value += 0x9E3779B97F4A7C15U;
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9U;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EBU;
  return value ^ (value >> 31);
}

bool are_equal(const CacheSalt& one, const CacheSalt& other) {
  return one == other || (one && other && *one == *other);
}

}  // namespace

KvPool::KvPool(int block_count, int block_tokens)
    : block_tokens_(static_cast<size_t>(block_tokens)),
      hash_key_(random_seed()),
      blocks_(static_cast<size_t>(block_count)),
      tokens_(blocks_.size() * block_tokens_),
      buckets_(std::bit_ceil(blocks_.size() + 1), kNoBlock),
      free_(blocks_.size()) {
  std::iota(free_.rbegin(), free_.rend(), 0);
}

int KvPool::take() {
  CHECK(free_count() > 0, "a block was taken from an empty pool");
  if (free_.empty()) forget(oldest_idle_);
  const int block = free_.back();
  free_.pop_back();
  DCHECK(at(block).holder_count == 0, "a free block is held by nobody");
  at(block).holder_count = 1;
  return block;
}

void KvPool::hold(int block) {
  CHECK(at(block).is_published, "a block that is being written has one holder");
  if (at(block).holder_count == 0) remove_idle(block);
  ++at(block).holder_count;
}

void KvPool::release(std::vector<int>& block_table, size_t kept_count) {
  while (block_table.size() > kept_count) {
    const int block = block_table.back();
    block_table.pop_back();
    let_go(block);
  }
}

void KvPool::let_go(int block) {
  // Two who believe they hold it alone would read each other's text.
  CHECK(at(block).holder_count > 0, "a block was given back twice");
  if (--at(block).holder_count > 0) return;
  if (at(block).is_published) {
    add_idle(block);
  } else {
    free_.push_back(block);
  }
}

void KvPool::pin(int block) {
  if (at(block).is_pinned) return;
  hold(block);
  at(block).is_pinned = true;
  ++pinned_count_;
}

int KvPool::find(int before, std::span<const TokenId> tokens, const CacheSalt& salt) const {
  const int own = find_salted(before, tokens, salt);
  if (own != kNoBlock || !salt) return own;
  const int common = find_salted(before, tokens, nullptr);
  return common != kNoBlock && at(common).is_pinned ? common : kNoBlock;
}

int KvPool::find_salted(int before, std::span<const TokenId> tokens, const CacheSalt& salt) const {
  const uint64_t hash = hash_of(before, tokens, salt);
  for (int block = bucket_of(hash); block != kNoBlock; block = at(block).next_in_bucket) {
    const Block& one = at(block);
    if (one.hash == hash && one.before == before && are_equal(one.salt, salt) &&
        std::ranges::equal(tokens_of(block), tokens)) {
      return block;
    }
  }
  return kNoBlock;
}

int KvPool::publish(int block, int before, std::span<const TokenId> tokens, const CacheSalt& salt) {
  DCHECK(tokens.size() == block_tokens_, "only full blocks are published");
  CHECK(before == kNoBlock || (at(before).is_published && at(before).holder_count > 0),
        "a block is published after the one before it");
  const int same = find(before, tokens, salt);
  if (same != kNoBlock) {
    if (same == block) return block;
    hold(same);
    let_go(block);
    return same;
  }
  Block& one = at(block);
  DCHECK(one.holder_count == 1 && !one.is_published, "its holder publishes it, once");
  one.is_published = true;
  one.before = before;
  if (before != kNoBlock) ++at(before).after_count;
  one.salt = salt;
  one.hash = hash_of(before, tokens, salt);
  std::ranges::copy(tokens, tokens_of(block).begin());
  one.next_in_bucket = std::exchange(bucket_of(one.hash), block);
  return block;
}

std::span<TokenId> KvPool::tokens_of(int block) {
  return std::span(tokens_).subspan(static_cast<size_t>(block) * block_tokens_, block_tokens_);
}
std::span<const TokenId> KvPool::tokens_of(int block) const {
  return std::span(tokens_).subspan(static_cast<size_t>(block) * block_tokens_, block_tokens_);
}

uint64_t KvPool::hash_of(int before, std::span<const TokenId> tokens, const CacheSalt& salt) const {
  uint64_t hash = mix(hash_key_ ^ static_cast<uint64_t>(before + 1));
  if (salt) hash = mix(hash ^ std::hash<std::string>()(*salt));
  for (const TokenId token : tokens) hash = mix(hash ^ static_cast<uint64_t>(token));
  return hash;
}

void KvPool::add_idle(int block) {
  at(block).older = newest_idle_;
  at(block).newer = kNoBlock;
  (newest_idle_ == kNoBlock ? oldest_idle_ : at(newest_idle_).newer) = block;
  newest_idle_ = block;
  ++idle_count_;
}

void KvPool::remove_idle(int block) {
  const Block& one = at(block);
  (one.older == kNoBlock ? oldest_idle_ : at(one.older).newer) = one.newer;
  (one.newer == kNoBlock ? newest_idle_ : at(one.newer).older) = one.older;
  --idle_count_;
}

// An idle block becomes a free one.
void KvPool::forget(int block) {
  Block& one = at(block);
  // What comes after it would be found behind whatever is published here next.
  CHECK(one.after_count == 0, "a block is forgotten after those that continue it");
  remove_idle(block);
  int* link = &bucket_of(one.hash);
  while (*link != block) link = &at(*link).next_in_bucket;
  *link = one.next_in_bucket;
  if (one.before != kNoBlock) --at(one.before).after_count;
  one.is_published = false;
  one.salt.reset();
  free_.push_back(block);
}

}  // namespace puna

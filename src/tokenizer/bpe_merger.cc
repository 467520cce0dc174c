// A merge leaves stale entries in the heap; they are recognised by their changed symbols.

#include "tokenizer/bpe_merger.h"

#include <algorithm>
#include <functional>
#include <queue>

#include "base/check.h"

namespace puna {
namespace {

// Up to here, looking at every pair each time is faster than a heap.
constexpr size_t kShortWordSymbolsMax = 24;

uint64_t pair_key(TokenId left, TokenId right) {
  return uint64_t{static_cast<uint32_t>(left)} << 32 | static_cast<uint32_t>(right);
}

// By rank, then by place.
uint64_t candidate(uint32_t rank, uint32_t left) { return uint64_t{rank} << 32 | left; }

}  // namespace

size_t BpeMerger::slot_of(uint64_t pair) const {
  const size_t mask = slots_.size() - 1;
  size_t at = static_cast<size_t>((pair * 0x9E3779B97F4A7C15U) >> 20) & mask;
  while (slots_[at].rank != kNoRank && slots_[at].pair != pair) at = (at + 1) & mask;
  return at;
}

void BpeMerger::grow() {
  std::vector<Merge> old(std::max<size_t>(slots_.size() * 2, 64));
  old.swap(slots_);
  for (const Merge& merge : old) {
    if (merge.rank != kNoRank) slots_[slot_of(merge.pair)] = merge;
  }
}

void BpeMerger::add_merge(TokenId left, TokenId right, TokenId merged, uint32_t rank) {
  CHECK(rank != kNoRank, "no merge has this rank");
  if (2 * (count_ + 1) > slots_.size()) grow();
  const uint64_t pair = pair_key(left, right);
  Merge& slot = slots_[slot_of(pair)];
  if (slot.rank == kNoRank) ++count_;
  slot = {pair, rank, merged};
}

void BpeMerger::forbid(const std::vector<bool>& ids) {
  for (Merge& slot : slots_) {
    const auto merged = static_cast<size_t>(std::max(slot.merged, 0));
    if (merged < ids.size() && ids[merged]) slot.merged = -1;
  }
}

const BpeMerger::Merge* BpeMerger::find(TokenId left, TokenId right) const {
  if (slots_.empty()) return nullptr;
  const Merge& slot = slots_[slot_of(pair_key(left, right))];
  return slot.rank == kNoRank || slot.merged < 0 ? nullptr : &slot;
}

void BpeMerger::merge(std::vector<TokenId>& symbols, std::vector<TokenId>& ids) const {
  if (symbols.size() > kShortWordSymbolsMax) {
    merge_long(symbols);
  } else {
    merge_short(symbols);
  }
  ids.insert(ids.end(), symbols.begin(), symbols.end());
}

void BpeMerger::merge_short(std::vector<TokenId>& symbols) const {
  while (symbols.size() > 1) {
    const Merge* best = nullptr;
    size_t place = 0;
    for (size_t i = 0; i + 1 < symbols.size(); ++i) {
      const Merge* merge = find(symbols[i], symbols[i + 1]);
      if (merge == nullptr || (best != nullptr && merge->rank >= best->rank)) continue;
      best = merge;
      place = i;
    }
    if (best == nullptr) return;
    symbols[place] = best->merged;
    symbols.erase(symbols.begin() + static_cast<ptrdiff_t>(place) + 1);
  }
}

void BpeMerger::merge_long(std::vector<TokenId>& symbols) const {
  constexpr uint32_t kNone = UINT32_MAX;
  CHECK(symbols.size() < kNone, "a word has 4 billion symbols");
  const auto count = static_cast<uint32_t>(symbols.size());
  std::vector<uint32_t> previous(count);
  std::vector<uint32_t> next(count);
  std::vector<uint64_t> found;
  const auto consider = [&](uint32_t left, auto push) {
    if (left == kNone || next[left] == kNone) return;
    const Merge* merge = find(symbols[left], symbols[next[left]]);
    if (merge != nullptr) push(candidate(merge->rank, left));
  };
  for (uint32_t i = 0; i < count; ++i) {
    previous[i] = i == 0 ? kNone : i - 1;
    next[i] = i + 1 == count ? kNone : i + 1;
  }
  for (uint32_t i = 0; i < count; ++i) {
    consider(i, [&](uint64_t one) { found.push_back(one); });
  }
  // What is there at the start is sorted once; the heap holds only what merges bring.
  std::sort(found.begin(), found.end());
  std::priority_queue<uint64_t, std::vector<uint64_t>, std::greater<>> heap;
  const auto push = [&](uint64_t one) { heap.push(one); };
  for (size_t at = 0; at < found.size() || !heap.empty();) {
    uint64_t best = 0;
    if (heap.empty() || (at < found.size() && found[at] < heap.top())) {
      best = found[at++];
    } else {
      best = heap.top();
      heap.pop();
    }
    const auto left = static_cast<uint32_t>(best);
    if (symbols[left] < 0 || next[left] == kNone) continue;
    const uint32_t right = next[left];
    const Merge* merge = find(symbols[left], symbols[right]);
    if (merge == nullptr || candidate(merge->rank, left) != best) continue;  // stale
    symbols[left] = merge->merged;
    symbols[right] = -1;  // in the one to its left now
    next[left] = next[right];
    if (next[left] != kNone) previous[next[left]] = left;
    consider(previous[left], push);
    consider(left, push);
  }
  std::erase(symbols, -1);
}

}  // namespace puna

// A merge leaves stale entries in the heap; they are recognised by their changed symbols.

#include "tokenizer/bpe_merger.h"

#include <queue>

namespace puna {
namespace {

struct Symbol {
  TokenId id;
  int previous, next;  // -1: none
  bool alive = true;
};

struct Candidate {
  uint32_t rank;
  int left;
  TokenId left_id, right_id, merged;

  bool operator>(const Candidate& other) const {
    return rank != other.rank ? rank > other.rank : left > other.left;
  }
};

uint64_t pair_key(TokenId left, TokenId right) {
  return uint64_t{static_cast<uint32_t>(left)} << 32 | static_cast<uint32_t>(right);
}

}  // namespace

void BpeMerger::add_merge(TokenId left, TokenId right, TokenId merged) {
  const auto rank = static_cast<uint32_t>(merges_.size());
  merges_.try_emplace(pair_key(left, right), Merge{rank, merged});
}

const BpeMerger::Merge* BpeMerger::find(TokenId left, TokenId right) const {
  const auto found = merges_.find(pair_key(left, right));
  return found == merges_.end() ? nullptr : &found->second;
}

void BpeMerger::encode(std::string_view word, std::vector<TokenId>& ids) const {
  std::vector<Symbol> symbols;
  symbols.reserve(word.size());
  for (const char c : word) {
    const auto id = byte_ids_[static_cast<unsigned char>(c)];
    if (!id) continue;
    const int index = static_cast<int>(symbols.size());
    symbols.push_back({*id, index - 1, index + 1});
  }
  if (symbols.empty()) return;
  symbols.back().next = -1;

  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> heap;
  const auto at = [&](int index) -> Symbol& { return symbols[static_cast<size_t>(index)]; };
  const auto consider = [&](int left) {
    if (left < 0 || at(left).next < 0) return;
    const TokenId left_id = at(left).id;
    const TokenId right_id = at(at(left).next).id;
    const Merge* merge = find(left_id, right_id);
    if (merge != nullptr) heap.push({merge->rank, left, left_id, right_id, merge->merged});
  };
  for (int i = 0; i < static_cast<int>(symbols.size()); ++i) consider(i);
  while (!heap.empty()) {
    const Candidate best = heap.top();
    heap.pop();
    Symbol& left = at(best.left);
    if (!left.alive || left.id != best.left_id || left.next < 0) continue;
    Symbol& right = at(left.next);
    if (right.id != best.right_id) continue;
    left.id = best.merged;
    right.alive = false;
    left.next = right.next;
    if (left.next >= 0) at(left.next).previous = best.left;
    consider(left.previous);
    consider(best.left);
  }
  for (int i = 0; i >= 0; i = at(i).next) ids.push_back(at(i).id);
}

}  // namespace puna

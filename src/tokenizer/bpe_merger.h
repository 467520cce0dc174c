// BpeMerger: byte-pair merges within one word, lowest rank first, leftmost among equals.
//
// A heap over a linked list: n log n for a word of n symbols, however long.
#pragma once

#include <cstdint>
#include <vector>

#include "model/llama_config.h"

namespace puna {

class BpeMerger {
 public:
  // Of the same pair, the last one added counts.
  void add_merge(TokenId left, TokenId right, TokenId merged, uint32_t rank);

  // No merge gives one of these any more. `ids` is by id.
  void forbid(const std::vector<bool>& ids);

  // Merges `symbols` as far as it goes and appends the tokens that are left.
  void merge(std::vector<TokenId>& symbols, std::vector<TokenId>& ids) const;

 private:
  static constexpr uint32_t kNoRank = UINT32_MAX;
  struct Merge {
    uint64_t pair = 0;
    uint32_t rank = kNoRank;  // of a free slot
    TokenId merged = 0;       // -1: forbidden
  };
  size_t slot_of(uint64_t pair) const;
  void grow();
  const Merge* find(TokenId left, TokenId right) const;
  void merge_short(std::vector<TokenId>& symbols) const;
  void merge_long(std::vector<TokenId>& symbols) const;

  std::vector<Merge> slots_;  // open addressing; a power of two, at most half full
  size_t count_ = 0;
};

}  // namespace puna

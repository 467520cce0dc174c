// BpeMerger: byte-pair merges within one word, lowest rank first, leftmost among equals.
//
// A heap over a linked list: n log n for a word of n bytes, however long.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "model/llama_config.h"

namespace puna {

class BpeMerger {
 public:
  // The token a byte is; none: the byte is dropped, as Hugging Face drops it.
  void set_byte(unsigned char byte, TokenId id) { byte_ids_[byte] = id; }
  // Pairs are added in the order of their rank.
  void add_merge(TokenId left, TokenId right, TokenId merged);

  void encode(std::string_view word, std::vector<TokenId>& ids) const;

 private:
  struct Merge {
    uint32_t rank;
    TokenId merged;
  };
  const Merge* find(TokenId left, TokenId right) const;

  std::optional<TokenId> byte_ids_[256];
  std::unordered_map<uint64_t, Merge> merges_;
};

}  // namespace puna

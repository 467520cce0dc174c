// PromptLookup: where a sequence has said before what it says now, so that what followed then is a
// draft of what follows next. Pure.
//
// An index over the n-grams of one sequence, which the caller keeps: up to 16 bytes a token. Taking
// in a token and finding a match each look at a bounded number of places.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "model/llama_config.h"

namespace puna {

class PromptLookup {
 public:
  // Earlier places that are looked at, the newest first.
  static constexpr int kPlacesMax = 32;

  // A match has from `ngram_min` (at least 1) to `ngram_max` tokens.
  PromptLookup(int ngram_min, int ngram_max) : ngram_min_(ngram_min), ngram_max_(ngram_max) {}

  struct Match {
    size_t next = 0;  // the index of the token that followed
    int length = 0;   // tokens before it that are the sequence's last; 0: there is no match
  };
  // The longest match, of equally long ones the newest. `tokens` are those of the last call and
  // more.
  Match find(std::span<const TokenId> tokens);

 private:
  static constexpr int32_t kNone = -1;

  size_t bucket_of(std::span<const TokenId> tokens, size_t end) const;
  void take_in(std::span<const TokenId> tokens, size_t end);
  void grow(std::span<const TokenId> tokens, size_t count);

  const int ngram_min_, ngram_max_;
  // Of the n-gram of ngram_min_ tokens before each index: lists by its hash, the newest first.
  std::vector<int32_t> newest_;  // a power of two of them
  std::vector<int32_t> older_;   // by index, up to where the sequence was taken in
};

// The `count` tokens that would follow if all went on as it did at `match`, also beyond the end.
std::vector<TokenId> continuation(std::span<const TokenId> tokens, const PromptLookup::Match& match,
                                  int count);

}  // namespace puna

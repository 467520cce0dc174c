// Lists by hash of the shortest n-gram; what a place has in common with the end is compared.

#include "engine/prompt_lookup.h"

#include <algorithm>
#include <bit>

#include "base/check.h"

namespace puna {
namespace {

constexpr size_t kBucketsMin = 64;

// Tokens before `end` that are the last of all, up to `length_max`.
int common_length(std::span<const TokenId> tokens, size_t end, int length_max) {
  const auto longest = std::min(end, static_cast<size_t>(length_max));
  size_t length = 0;
  while (length < longest && tokens[end - 1 - length] == tokens[tokens.size() - 1 - length]) {
    ++length;
  }
  return static_cast<int>(length);
}

}  // namespace

size_t PromptLookup::bucket_of(std::span<const TokenId> tokens, size_t end) const {
  uint64_t hash = 0;
  for (size_t i = end - static_cast<size_t>(ngram_min_); i < end; ++i) {
    hash = (hash ^ static_cast<uint64_t>(tokens[i])) * 0x9E3779B97F4A7C15U;
    hash ^= hash >> 32;
  }
  return hash & (newest_.size() - 1);
}

void PromptLookup::take_in(std::span<const TokenId> tokens, size_t end) {
  if (end < static_cast<size_t>(ngram_min_)) {
    older_.push_back(kNone);
    return;
  }
  int32_t& newest = newest_[bucket_of(tokens, end)];
  older_.push_back(newest);
  newest = static_cast<int32_t>(end);
}

void PromptLookup::grow(std::span<const TokenId> tokens, size_t count) {
  if (count <= newest_.size()) return;
  const size_t taken_in = older_.size();
  newest_.assign(std::bit_ceil(std::max(count, kBucketsMin)), kNone);
  older_.clear();
  for (size_t end = 0; end < taken_in; ++end) take_in(tokens, end);
}

PromptLookup::Match PromptLookup::find(std::span<const TokenId> tokens) {
  DCHECK(older_.size() <= tokens.size(), "a sequence only grows");
  grow(tokens, tokens.size());
  while (older_.size() < tokens.size()) take_in(tokens, older_.size());
  Match best;
  if (tokens.size() < static_cast<size_t>(ngram_min_)) return best;
  int32_t place = newest_[bucket_of(tokens, tokens.size())];
  for (int i = 0; i < kPlacesMax && place != kNone && best.length < ngram_max_; ++i) {
    const auto end = static_cast<size_t>(place);
    const int length = common_length(tokens, end, ngram_max_);
    if (length >= ngram_min_ && length > best.length) best = {.next = end, .length = length};
    place = older_[end];
  }
  return best;
}

std::vector<TokenId> continuation(std::span<const TokenId> tokens, const PromptLookup::Match& match,
                                  int count) {
  std::vector<TokenId> draft;
  if (match.length == 0 || count <= 0) return draft;
  draft.reserve(static_cast<size_t>(count));
  for (size_t i = match.next; draft.size() < static_cast<size_t>(count); ++i) {
    draft.push_back(i < tokens.size() ? tokens[i] : draft[i - tokens.size()]);
  }
  return draft;
}

}  // namespace puna

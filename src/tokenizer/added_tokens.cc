// Most bytes of a text begin no token: one look at a table passes each of them.

#include "tokenizer/added_tokens.h"

#include <algorithm>

#include "base/utf8.h"
#include "tokenizer/text_pattern.h"

namespace puna {
namespace {

// Where the last character of `text` begins.
size_t last_character(std::string_view text) {
  size_t at = text.size();
  while (at > 0 && (static_cast<unsigned char>(text[--at]) & 0xC0) == 0x80) continue;
  return at;
}

bool ends_with_word(std::string_view text) {
  return !text.empty() &&
         is_word_character(decode_utf8(text.substr(last_character(text))).code_point);
}

bool starts_with_word(std::string_view text) {
  return !text.empty() && is_word_character(decode_utf8(text).code_point);
}

// `begin`, moved left over white space as far as `limit`.
size_t before_spaces(std::string_view text, size_t begin, size_t limit) {
  while (begin > limit) {
    const size_t at = last_character(text.substr(0, begin));
    if (!is_white_space(decode_utf8(text.substr(at)).code_point)) break;
    begin = at;
  }
  return std::max(begin, limit);
}

size_t after_spaces(std::string_view text, size_t end) {
  while (end < text.size()) {
    const Utf8Step step = decode_utf8(text.substr(end));
    if (!is_white_space(step.code_point)) break;
    end += step.length;
  }
  return end;
}

NormalText part(const NormalText& whole, size_t begin, size_t end) {
  return {whole.text.substr(begin, end - begin),
          whole.marks.empty() ? "" : whole.marks.substr(begin, end - begin)};
}

}  // namespace

uint32_t SpellingTrie::child(uint32_t node, char byte) const {
  const auto& next = nodes_[node].next;
  const auto found = std::lower_bound(next.begin(), next.end(), std::pair(byte, uint32_t{0}));
  return found != next.end() && found->first == byte ? found->second : 0;
}

void SpellingTrie::add(std::string_view spelling, size_t index) {
  if (spelling.empty()) return;
  uint32_t& root = roots_[static_cast<unsigned char>(spelling[0])];
  if (root == 0) {
    root = static_cast<uint32_t>(nodes_.size());
    nodes_.emplace_back();
  }
  uint32_t node = root;
  for (const char byte : spelling.substr(1)) {
    uint32_t following = child(node, byte);
    if (following == 0) {
      following = static_cast<uint32_t>(nodes_.size());
      nodes_.emplace_back();
      auto& next = nodes_[node].next;
      next.insert(std::lower_bound(next.begin(), next.end(), std::pair(byte, uint32_t{0})),
                  {byte, following});
    }
    node = following;
  }
  if (!nodes_[node].index) nodes_[node].index = index;
}

std::optional<std::pair<size_t, size_t>> SpellingTrie::longest(std::string_view text) const {
  std::optional<std::pair<size_t, size_t>> found;
  uint32_t node = text.empty() ? 0 : roots_[static_cast<unsigned char>(text[0])];
  for (size_t length = 1; node != 0; ++length) {
    if (nodes_[node].index) found = {*nodes_[node].index, length};
    if (length == text.size()) break;
    node = child(node, text[length]);
  }
  return found;
}

Result<AddedTokens> AddedTokens::make(std::vector<AddedToken> tokens,
                                      const Normalizer& normalizer) {
  AddedTokens made;
  made.tokens_ = std::move(tokens);
  made.guarded_.resize(made.tokens_.size());
  for (size_t i = 0; i < made.tokens_.size(); ++i) {
    const AddedToken& token = made.tokens_[i];
    made.guarded_[i] = token.special;
    if (!token.normalized) {
      made.raw_.add(token.content, i);
      continue;
    }
    NormalText spelling{token.content, ""};
    RETURN_IF_ERROR(normalizer.apply(spelling));
    made.normalized_.add(spelling.text, i);
    made.any_normalized_ = true;
  }
  return made;
}

void AddedTokens::guard(const std::function<bool(const AddedToken&)>& is_mark) {
  for (size_t i = 0; i < tokens_.size(); ++i) {
    if (is_mark(tokens_[i])) guarded_[i] = true;
  }
}

std::vector<bool> AddedTokens::guarded_ids(size_t vocabulary_size) const {
  std::vector<bool> guarded(vocabulary_size);
  for (size_t i = 0; i < tokens_.size(); ++i) {
    const auto id = static_cast<size_t>(tokens_[i].id);
    if (guarded_[i] && id < vocabulary_size) guarded[id] = true;
  }
  return guarded;
}

bool AddedTokens::counts(const AddedToken& token, const NormalText& text, size_t begin, size_t end,
                         AddedTokenUse use) const {
  if (use == AddedTokenUse::kNotSpecial && token.special) return false;
  if (use == AddedTokenUse::kTemplateOnly &&
      guarded_[static_cast<size_t>(&token - tokens_.data())] &&
      text.marks.find(kFromPerson, begin) < end) {
    return false;
  }
  const std::string_view all = text.text;
  return !token.single_word ||
         (!ends_with_word(all.substr(0, begin)) && !starts_with_word(all.substr(end)));
}

void AddedTokens::cut(const SpellingTrie& trie, TextPiece whole, AddedTokenUse use,
                      std::vector<TextPiece>& pieces) const {
  const std::string_view text = whole.text.text;
  const auto push_text = [&](size_t begin, size_t end) {
    if (end <= begin) return;
    const bool at_start = whole.at_start && begin == 0;
    if (end - begin == text.size()) {
      pieces.push_back(std::move(whole));
    } else {
      pieces.push_back({part(whole.text, begin, end), std::nullopt, at_start});
    }
  };
  size_t done = 0;  // bytes that are in a piece
  for (size_t at = 0; at < text.size();) {
    if (!trie.may_begin(text[at])) {
      ++at;
      continue;
    }
    const auto found = trie.longest(text.substr(at));
    if (!found) {
      ++at;
      continue;
    }
    const AddedToken& token = tokens_[found->first];
    const size_t end = at + found->second;
    if (!counts(token, whole.text, at, end, use)) {
      // A person's bytes may run into a token that the template wrote; else nothing begins inside.
      at = whole.text.marks.find(kFromTemplate, at) < end ? at + 1 : end;
      continue;
    }
    const size_t begin = token.lstrip ? before_spaces(text, at, done) : std::max(at, done);
    push_text(done, begin);
    pieces.push_back({{}, token.id, false});
    done = token.rstrip ? after_spaces(text, end) : end;
    at = end;
  }
  push_text(done, text.size());
}

Result<std::vector<TextPiece>> AddedTokens::split(NormalText text, AddedTokenUse use,
                                                  const Normalizer& normalizer) const {
  std::vector<TextPiece> pieces;
  cut(raw_, {std::move(text), std::nullopt, true}, use, pieces);
  if (normalizer.empty() && !any_normalized_) return pieces;
  std::vector<TextPiece> smaller;
  for (TextPiece& piece : pieces) {
    if (piece.token) {
      smaller.push_back(std::move(piece));
      continue;
    }
    RETURN_IF_ERROR(normalizer.apply(piece.text));
    cut(normalized_, std::move(piece), use, smaller);
  }
  return smaller;
}

}  // namespace puna

// Special tokens share few first bytes ('<', mostly), so most of a text is skipped by one search.

#include "tokenizer/special_tokens.h"

#include <algorithm>

namespace puna {

SpecialTokenFinder::SpecialTokenFinder(std::vector<std::pair<std::string, TokenId>> tokens)
    : tokens_(std::move(tokens)) {
  std::erase_if(tokens_, [](const auto& token) { return token.first.empty(); });
  std::sort(tokens_.begin(), tokens_.end(), [](const auto& a, const auto& b) {
    return a.first.size() != b.first.size() ? a.first.size() > b.first.size() : a.second < b.second;
  });
  for (const auto& [spelling, id] : tokens_) {
    if (first_bytes_.find(spelling[0]) == std::string::npos) first_bytes_ += spelling[0];
  }
}

const std::pair<std::string, TokenId>* SpecialTokenFinder::match(std::string_view text) const {
  for (const auto& token : tokens_) {
    if (text.starts_with(token.first)) return &token;
  }
  return nullptr;
}

std::vector<TextPiece> SpecialTokenFinder::split(
    std::string_view text, const std::function<bool(size_t, size_t)>& allowed) const {
  std::vector<TextPiece> pieces;
  size_t begin = 0;
  size_t at = text.find_first_of(first_bytes_);
  while (at != std::string_view::npos) {
    const auto* token = match(text.substr(at));
    if (token == nullptr || !allowed(at, at + token->first.size())) {
      at = text.find_first_of(first_bytes_, at + 1);
      continue;
    }
    if (at > begin) pieces.push_back({text.substr(begin, at - begin), std::nullopt});
    pieces.push_back({text.substr(at, token->first.size()), token->second});
    begin = at + token->first.size();
    at = text.find_first_of(first_bytes_, begin);
  }
  if (begin < text.size()) pieces.push_back({text.substr(begin), std::nullopt});
  return pieces;
}

std::vector<TextPiece> SpecialTokenFinder::split(std::string_view text) const {
  return split(text, [](size_t, size_t) { return true; });
}

std::vector<TextPiece> SpecialTokenFinder::split(const PromptText& prompt) const {
  return split(prompt.text, [&](size_t begin, size_t end) {
    return std::all_of(prompt.from_template.begin() + static_cast<ptrdiff_t>(begin),
                       prompt.from_template.begin() + static_cast<ptrdiff_t>(end),
                       [](bool by_template) { return by_template; });
  });
}

}  // namespace puna

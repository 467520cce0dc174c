// Asked of the template itself: a conversation is rendered, and what follows the answer is looked
// at.

#include "tokenizer/turn_end.h"

#include <algorithm>
#include <optional>

namespace puna {
namespace {

constexpr std::string_view kAnswer = "answer";

// What the template wrote behind the answer's last byte.
std::optional<PromptText> text_after_answer(const PromptText& prompt) {
  for (size_t at = prompt.text.find(kAnswer); at != std::string::npos;
       at = prompt.text.find(kAnswer, at + 1)) {
    if (prompt.from_template[at]) continue;  // the template's own word
    const size_t end = at + kAnswer.size();
    return PromptText{.text = prompt.text.substr(end),
                      .from_template = std::vector<bool>(
                          prompt.from_template.begin() + static_cast<ptrdiff_t>(end),
                          prompt.from_template.end())};
  }
  return std::nullopt;
}

bool is_space(std::string_view bytes) {
  return bytes.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

// A mark by its flag, or by its form where the file has not flagged it: "<|im_end|>", "</s>".
bool is_mark(const Tokenizer& tokenizer, TokenId token) {
  const std::string_view piece = tokenizer.token_piece(token);
  return tokenizer.is_special(token) ||
         (piece.size() > 2 && piece.front() == '<' && piece.back() == '>');
}

// The mark that comes first, but for white space.
std::optional<TokenId> first_mark(const Tokenizer& tokenizer, const PromptText& text) {
  const auto tokens = tokenizer.encode_prompt(text);
  if (!tokens.ok()) return std::nullopt;
  for (const TokenId token : *tokens) {
    if (is_mark(tokenizer, token)) {
      return token == tokenizer.bos_id() ? std::nullopt : std::optional<TokenId>(token);
    }
    if (!is_space(tokenizer.token_bytes(token))) return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

std::vector<TokenId> turn_end_tokens(const ChatTemplate& chat_template, const Tokenizer& tokenizer,
                                     const ChatTemplateOptions& options) {
  ChatTemplateOptions finished = options;
  finished.add_generation_prompt = false;
  const std::vector<ChatMessage> conversation = {
      {"user", "question"}, {"assistant", std::string(kAnswer)}, {"user", "question"}};
  std::vector<TokenId> tokens;
  // Some templates close an answer only when another turn follows it, some only when none does.
  for (const size_t count : {size_t{2}, size_t{3}}) {
    const auto prompt = chat_template.render(std::span(conversation).first(count), finished);
    if (!prompt.ok()) continue;
    const auto rest = text_after_answer(*prompt);
    const auto mark = rest ? first_mark(tokenizer, *rest) : std::nullopt;
    if (mark && std::find(tokens.begin(), tokens.end(), *mark) == tokens.end()) {
      tokens.push_back(*mark);
    }
  }
  return tokens;
}

}  // namespace puna

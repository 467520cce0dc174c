// Added tokens are cut out first, then words, then pieces of each word.

#include "tokenizer/vocabulary_tokenizer.h"

#include <algorithm>
#include <unordered_set>

#include "base/utf8.h"
#include "tokenizer/chat_template.h"

namespace puna {
namespace {

class VocabularyTokenizer final : public Tokenizer {
 public:
  static Result<std::unique_ptr<Tokenizer>> make(VocabularyParts parts) {
    std::unique_ptr<VocabularyTokenizer> made(new VocabularyTokenizer(std::move(parts)));
    RETURN_IF_ERROR(made->index());
    return std::unique_ptr<Tokenizer>(std::move(made));
  }

  Result<std::vector<TokenId>> encode(std::string_view text, SpecialTokens special) const override {
    const bool recognises = special == SpecialTokens::kRecognise && !parts_.gives_text_back;
    std::string taken = parts_.gives_text_back ? std::string(text) : repair_utf8(text);
    return ids_of({std::move(taken), ""},
                  recognises ? AddedTokenUse::kAll : AddedTokenUse::kNotSpecial);
  }
  Result<std::vector<TokenId>> encode_prompt(const PromptText& prompt) const override {
    return ids_of(marked(prompt), AddedTokenUse::kTemplateOnly);
  }
  void guard_marks(const ChatTemplate& chat) override {
    ChatTemplateOptions options;
    options.bos_token = spelling_or_empty(parts_.bos);
    options.eos_token = spelling_or_empty(parts_.eos);
    std::unordered_set<TokenId> written;
    for (const PromptText& prompt : chat.sample_prompts(options)) add_tokens_of(prompt, written);
    added_.guard([&](const AddedToken& token) {
      return (written.contains(token.id) && !is_blank(token.content)) ||
             (is_mark(token.content) && chat.literals().find(token.content) != std::string::npos);
    });
    parts_.encoder->forbid(added_.guarded_ids(parts_.pieces.size()));
  }

  std::string_view token_bytes(TokenId id) const override {
    return is_known(id) ? std::string_view(parts_.bytes[static_cast<size_t>(id)])
                        : std::string_view();
  }
  std::string_view token_piece(TokenId id) const override {
    return is_known(id) ? std::string_view(parts_.pieces[static_cast<size_t>(id)])
                        : std::string_view();
  }
  bool is_special(TokenId id) const override {
    return is_known(id) && special_[static_cast<size_t>(id)];
  }
  std::optional<TokenId> find_piece(std::string_view piece) const override {
    const auto found = ids_.find(piece);
    return found == ids_.end() ? std::nullopt : std::optional<TokenId>(found->second);
  }
  int vocabulary_size() const override { return static_cast<int>(parts_.pieces.size()); }
  std::optional<TokenId> bos_id() const override { return parts_.bos; }
  std::optional<TokenId> eos_id() const override { return parts_.eos; }
  const PromptEnds& prompt_ends() const override { return parts_.ends; }
  bool has_dummy_prefix() const override { return parts_.has_dummy_prefix; }
  std::string_view kind() const override { return parts_.kind; }

 private:
  explicit VocabularyTokenizer(VocabularyParts parts) : parts_(std::move(parts)) {}

  bool is_known(TokenId id) const { return id >= 0 && id < vocabulary_size(); }
  // White space is everybody's, so it is no mark.
  static bool is_blank(std::string_view text) {
    return text.find_first_not_of(" \t\r\n\v\f") == text.npos;
  }
  // A template compares with words too ('user'); what it writes in samples is a mark in any case.
  static bool is_mark(std::string_view text) {
    return std::any_of(text.begin(), text.end(), [](char c) {
      return std::string_view("<>[]|#/{}\xEF\xE2").find(c) != std::string_view::npos;
    });
  }
  std::string spelling_or_empty(std::optional<TokenId> id) const {
    return id ? std::string(token_piece(*id)) : std::string();
  }

  Status index() {
    const size_t size = parts_.pieces.size();
    special_.resize(size);
    parts_.bytes.resize(size);
    for (const AddedToken& token : parts_.added) {
      const auto index = static_cast<size_t>(token.id);
      CHECK(index < size, "an added token lies beyond the vocabulary");
      special_[index] = token.special;
      parts_.bytes[index] = token.special ? "" : token.content;
    }
    for (size_t i = 0; i < size; ++i) ids_.try_emplace(parts_.pieces[i], static_cast<TokenId>(i));
    ASSIGN_OR_RETURN(added_, AddedTokens::make(std::move(parts_.added), parts_.normalizer));
    parts_.encoder->forbid(added_.guarded_ids(size));
    return {};
  }

  static NormalText marked(const PromptText& prompt) {
    NormalText text;
    text.marks.reserve(prompt.text.size());
    for (std::string_view rest = prompt.text; !rest.empty();) {
      const size_t at = prompt.text.size() - rest.size();
      const Utf8Step step = decode_utf8(rest);
      const bool by_template =
          std::all_of(prompt.from_template.begin() + static_cast<ptrdiff_t>(at),
                      prompt.from_template.begin() + static_cast<ptrdiff_t>(at + step.length),
                      [](bool one) { return one; });
      if (step.valid) {
        text.text += rest.substr(0, step.length);
      } else {
        append_utf8(text.text, kReplacementCharacter);
      }
      text.marks.resize(text.text.size(), by_template ? kFromTemplate : kFromPerson);
      rest.remove_prefix(step.length);
    }
    return text;
  }

  void add_tokens_of(const PromptText& prompt, std::unordered_set<TokenId>& written) const {
    const auto pieces =
        added_.split(marked(prompt), AddedTokenUse::kTemplateOnly, parts_.normalizer);
    if (!pieces.ok()) return;
    for (const TextPiece& piece : *pieces) {
      if (piece.token) written.insert(*piece.token);
    }
  }

  Result<std::vector<TokenId>> ids_of(NormalText text, AddedTokenUse use) const {
    ASSIGN_OR_RETURN(const std::vector<TextPiece> pieces,
                     added_.split(std::move(text), use, parts_.normalizer));
    std::vector<TokenId> ids;
    for (const TextPiece& piece : pieces) {
      if (piece.token) {
        ids.push_back(*piece.token);
        continue;
      }
      RETURN_IF_ERROR(parts_.encoder->encode(piece.text.text, piece.at_start, ids));
    }
    return ids;
  }

  VocabularyParts parts_;
  std::vector<bool> special_;  // by id
  IdsByText ids_;
  AddedTokens added_;
};

}  // namespace

Result<std::unique_ptr<Tokenizer>> make_vocabulary_tokenizer(VocabularyParts parts) {
  return VocabularyTokenizer::make(std::move(parts));
}

}  // namespace puna

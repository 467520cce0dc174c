// Special tokens are cut out first, then words, then merges within each word.

#include "tokenizer/bpe_tokenizer.h"

#include <unordered_map>

#include "base/utf8.h"
#include "tokenizer/bpe_merger.h"
#include "tokenizer/special_tokens.h"

namespace puna {
namespace {

class BpeTokenizer final : public Tokenizer {
 public:
  static Result<std::unique_ptr<Tokenizer>> make(BpeVocabulary vocabulary,
                                                 std::string_view origin) {
    auto steps = vocabulary.pre_tokenizer_name.empty()
                     ? PreTokenizer::compile(vocabulary.pre_tokenizer_steps)
                     : PreTokenizer::named(vocabulary.pre_tokenizer_name);
    if (!steps.ok()) return steps.status().with_context(origin);
    std::unique_ptr<BpeTokenizer> tokenizer(
        new BpeTokenizer(std::move(vocabulary), std::move(steps).value()));
    RETURN_IF_ERROR(tokenizer->index(origin));
    return std::unique_ptr<Tokenizer>(std::move(tokenizer));
  }

  std::vector<TokenId> encode(std::string_view text, SpecialTokens special) const override {
    const std::string repaired = repair_utf8(text);
    const SpecialTokenFinder& finder =
        special == SpecialTokens::kRecognise ? all_added_ : added_as_text_;
    return ids_of(finder.split(repaired));
  }

  std::vector<TokenId> encode_prompt(const PromptText& prompt) const override {
    std::vector<TokenId> ids;
    for (const TextPiece& piece : all_added_.split(prompt)) {
      if (piece.special) {
        ids.push_back(*piece.special);
        continue;
      }
      const std::vector<TokenId> words = encode(piece.text, SpecialTokens::kAsText);
      ids.insert(ids.end(), words.begin(), words.end());
    }
    return ids;
  }

  std::string_view token_bytes(TokenId id) const override {
    return is_known(id) ? std::string_view(bytes_[static_cast<size_t>(id)]) : std::string_view();
  }
  std::string_view token_piece(TokenId id) const override {
    return is_known(id) ? std::string_view(vocabulary_.pieces[static_cast<size_t>(id)])
                        : std::string_view();
  }
  bool is_special(TokenId id) const override {
    return is_known(id) && special_[static_cast<size_t>(id)];
  }
  std::optional<TokenId> find_piece(std::string_view piece) const override {
    const auto found = ids_.find(std::string(piece));
    return found == ids_.end() ? std::nullopt : std::optional<TokenId>(found->second);
  }
  int vocabulary_size() const override { return static_cast<int>(vocabulary_.pieces.size()); }
  std::optional<TokenId> bos_id() const override { return vocabulary_.bos; }
  std::optional<TokenId> eos_id() const override { return vocabulary_.eos; }
  bool adds_bos() const override { return vocabulary_.adds_bos; }
  bool has_dummy_prefix() const override { return false; }
  std::string_view kind() const override { return "byte-level bpe"; }

 private:
  BpeTokenizer(BpeVocabulary vocabulary, PreTokenizer pre_tokenizer)
      : vocabulary_(std::move(vocabulary)), pre_tokenizer_(std::move(pre_tokenizer)) {}

  bool is_known(TokenId id) const { return id >= 0 && id < vocabulary_size(); }

  Status index(std::string_view origin) {
    const size_t size = vocabulary_.pieces.size();
    special_.resize(size);
    std::vector<std::pair<std::string, TokenId>> added;
    std::vector<bool> is_added(size);
    for (const TokenId id : vocabulary_.added) {
      is_added[static_cast<size_t>(id)] = true;
      added.emplace_back(vocabulary_.pieces[static_cast<size_t>(id)], id);
    }
    added_as_text_ = SpecialTokenFinder(added);
    for (const TokenId id : vocabulary_.special) {
      special_[static_cast<size_t>(id)] = true;
      is_added[static_cast<size_t>(id)] = true;
      added.emplace_back(vocabulary_.pieces[static_cast<size_t>(id)], id);
    }
    all_added_ = SpecialTokenFinder(added);
    bytes_.resize(size);
    for (size_t i = 0; i < size; ++i) {
      const std::string& piece = vocabulary_.pieces[i];
      ids_.try_emplace(piece, static_cast<TokenId>(i));
      if (special_[i]) continue;
      // Added tokens are spelled as text; a padding row of a vocabulary may be neither.
      bytes_[i] = is_added[i] ? piece : decode_byte_level(piece).value_or(piece);
      if (!is_added[i]) words_.try_emplace(bytes_[i], static_cast<TokenId>(i));
    }
    return index_merges(origin);
  }

  Status index_merges(std::string_view origin) {
    for (unsigned byte = 0; byte < 256; ++byte) {
      const auto id = find_piece(byte_level_spelling(static_cast<unsigned char>(byte)));
      if (id) merger_.set_byte(static_cast<unsigned char>(byte), *id);
    }
    for (const auto& [left, right] : vocabulary_.merges) {
      const auto left_id = find_piece(left);
      const auto right_id = find_piece(right);
      const auto merged = find_piece(left + right);
      if (!left_id || !right_id || !merged) {
        return invalid_argument("{}: merge \"{} {}\" needs pieces that the vocabulary lacks",
                                origin, left, right);
      }
      merger_.add_merge(*left_id, *right_id, *merged);
    }
    vocabulary_.merges.clear();
    return {};
  }

  std::vector<TokenId> ids_of(const std::vector<TextPiece>& pieces) const {
    std::vector<TokenId> ids;
    for (const TextPiece& piece : pieces) {
      if (piece.special) {
        ids.push_back(*piece.special);
        continue;
      }
      for (const std::string_view word : pre_tokenizer_.split(piece.text)) add_word(word, ids);
    }
    return ids;
  }

  void add_word(std::string_view word, std::vector<TokenId>& ids) const {
    if (vocabulary_.ignore_merges) {
      const auto found = words_.find(std::string(word));
      if (found != words_.end()) {
        ids.push_back(found->second);
        return;
      }
    }
    merger_.encode(word, ids);
  }

  BpeVocabulary vocabulary_;
  PreTokenizer pre_tokenizer_;
  BpeMerger merger_;
  std::vector<std::string> bytes_;                  // by id
  std::vector<bool> special_;                       // by id
  std::unordered_map<std::string, TokenId> ids_;    // by spelling
  std::unordered_map<std::string, TokenId> words_;  // by bytes, without added tokens
  SpecialTokenFinder all_added_, added_as_text_;
};

}  // namespace

Result<std::unique_ptr<Tokenizer>> make_bpe_tokenizer(BpeVocabulary vocabulary,
                                                      std::string_view origin) {
  return BpeTokenizer::make(std::move(vocabulary), origin);
}

}  // namespace puna

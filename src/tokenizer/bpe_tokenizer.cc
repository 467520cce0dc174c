// A word becomes symbols (bytes or characters), and these are merged.

#include "tokenizer/bpe_tokenizer.h"

#include <algorithm>
#include <array>

#include "base/utf8.h"
#include "tokenizer/bpe_merger.h"
#include "tokenizer/vocabulary_tokenizer.h"

namespace puna {
namespace {

std::string byte_piece(unsigned char byte) { return fmt::format("<0x{:02X}>", byte); }

std::string bytes_of(const std::string& piece, const PieceSpelling& spelling) {
  // A padding row of a vocabulary may be of another alphabet.
  if (spelling.byte_level) return decode_byte_level(piece).value_or(piece);
  if (spelling.byte_fallback && piece.size() == 6 && piece.starts_with("<0x") &&
      piece.back() == '>') {
    const char byte = static_cast<char>(std::strtol(piece.c_str() + 3, nullptr, 16));
    if (byte_piece(static_cast<unsigned char>(byte)) == piece) return std::string(1, byte);
  }
  std::string bytes = piece;
  for (const auto& [from, to] : spelling.replaced) {
    for (size_t at = bytes.find(from); at != bytes.npos && !from.empty();
         at = bytes.find(from, at + to.size())) {
      bytes.replace(at, from.size(), to);
    }
  }
  return bytes;
}

class BpeEncoder final : public WordEncoder {
 public:
  static Result<std::unique_ptr<BpeEncoder>> make(const BpeVocabulary& vocabulary,
                                                  const IdsByText& ids) {
    auto pre_tokenizer = PreTokenizer::compile(vocabulary.pre_tokenizer);
    if (!pre_tokenizer.ok()) return pre_tokenizer.status().with_context("pre_tokenizer");
    std::unique_ptr<BpeEncoder> made(new BpeEncoder(std::move(*pre_tokenizer)));
    RETURN_IF_ERROR(made->index(vocabulary, ids));
    RETURN_IF_ERROR(vocabulary.merges_by_id ? made->index_by_id(vocabulary, ids)
                                            : made->index_merges(vocabulary, ids));
    return made;
  }

  void forbid(const std::vector<bool>& ids) override {
    merger_.forbid(ids);
    std::erase_if(words_, [&](const auto& word) { return ids[static_cast<size_t>(word.second)]; });
  }
  Status encode(std::string_view text, bool at_start, std::vector<TokenId>& ids) const override {
    Words words;
    RETURN_IF_ERROR(pre_tokenizer_.split(text, at_start, words));
    std::vector<TokenId> symbols;
    for (const std::string_view word : words.words) {
      if (ignore_merges_) {
        const auto found = words_.find(word);
        if (found != words_.end()) {
          ids.push_back(found->second);
          continue;
        }
      }
      symbols.clear();
      append_symbols(word, symbols);
      merger_.merge(symbols, ids);
    }
    return {};
  }

 private:
  explicit BpeEncoder(PreTokenizer pre_tokenizer)
      : pre_tokenizer_(std::move(pre_tokenizer)), is_bytes_(pre_tokenizer_.gives_bytes()) {}

  Status index(const BpeVocabulary& vocabulary, const IdsByText& ids) {
    ignore_merges_ = vocabulary.ignore_merges;
    byte_fallback_ = vocabulary.byte_fallback;
    fuse_unk_ = vocabulary.fuse_unk;
    prefix_ = vocabulary.continuing_subword_prefix;
    suffix_ = vocabulary.end_of_word_suffix;
    for (unsigned byte = 0; byte < 256; ++byte) {
      const auto value = static_cast<unsigned char>(byte);
      // Alone in a text without prefix and suffix, a byte is what its spelling is.
      const auto found = ids.find(is_bytes_ ? byte_level_spelling(value)
                                            : std::string(1, static_cast<char>(value)));
      if ((is_bytes_ || byte < 128) && found != ids.end()) single_[byte] = found->second;
      const auto fallback = ids.find(byte_piece(value));
      if (fallback != ids.end()) fallback_[byte] = fallback->second;
    }
    index_texts(ids);
    return find_unk(vocabulary.unk_token, ids);
  }

  void index_texts(const IdsByText& ids) {
    const bool is_plain = prefix_.empty() && suffix_.empty();
    for (const auto& [piece, id] : ids) {
      const bool is_character = decode_utf8(piece + " ").length == piece.size();
      if (!is_plain || (!is_bytes_ && is_character)) characters_.try_emplace(piece, id);
      if (!ignore_merges_) continue;
      const auto bytes = is_bytes_ ? decode_byte_level(piece) : std::optional<std::string>(piece);
      if (bytes) words_.try_emplace(*bytes, id);
    }
  }

  // A file may name a token that it lacks, where no text needs it.
  Status find_unk(const std::optional<std::string>& unk_token, const IdsByText& ids) {
    if (!unk_token) return {};
    const auto found = ids.find(*unk_token);
    if (found != ids.end()) unk_ = found->second;
    const auto is_there = [](const std::optional<TokenId>& id) { return id.has_value(); };
    if (unk_ || (is_bytes_ && std::all_of(single_.begin(), single_.end(), is_there)) ||
        (byte_fallback_ && std::all_of(fallback_.begin(), fallback_.end(), is_there))) {
      return {};
    }
    return invalid_argument("model.unk_token \"{}\" is not in the vocabulary", *unk_token);
  }

  Status index_merges(const BpeVocabulary& vocabulary, const IdsByText& ids) {
    uint32_t rank = 0;
    for (const BpeMerge& merge : vocabulary.merges) {
      const bool continues = !prefix_.empty() && merge.right.starts_with(prefix_);
      const auto left = ids.find(merge.left);
      const auto right = ids.find(merge.right);
      const auto merged = ids.find(merge.left + merge.right.substr(continues ? prefix_.size() : 0));
      if (left == ids.end() || right == ids.end() || merged == ids.end()) {
        return invalid_argument("merge \"{} {}\" needs pieces that the vocabulary lacks",
                                merge.left, merge.right);
      }
      merger_.add_merge(left->second, right->second, merged->second, rank++);
    }
    return {};
  }

  Status index_by_id(const BpeVocabulary& vocabulary, const IdsByText& ids) {
    for (const auto& [piece, id] : ids) {
      const std::string_view whole = piece;
      for (size_t cut = 1; cut < whole.size(); ++cut) {
        const auto left = ids.find(whole.substr(0, cut));
        if (left == ids.end()) continue;
        const auto right = ids.find(whole.substr(cut));
        if (right == ids.end()) continue;
        merger_.add_merge(left->second, right->second, id, static_cast<uint32_t>(id));
      }
    }
    CHECK(vocabulary.merges.empty(), "a vocabulary has merges of two kinds");
    return {};
  }

  void append_symbols(std::string_view word, std::vector<TokenId>& symbols) const {
    size_t unknown = 0;  // characters that no token stands for yet
    const auto flush = [&] {
      if (unknown == 0) return;
      symbols.insert(symbols.end(), fuse_unk_ ? 1 : unknown, *unk_);
      unknown = 0;
    };
    for (size_t at = 0; at < word.size();) {
      const size_t length = is_bytes_ ? 1 : decode_utf8(word.substr(at)).length;
      const auto id = symbol(word, at, length);
      if (id) {
        flush();
        symbols.push_back(*id);
      } else if (!append_fallback(word, at, length, symbols) && unk_) {
        ++unknown;
      }
      at += length;
    }
    flush();
  }

  // With the prefix of all but the first, and the suffix of the last.
  std::optional<TokenId> symbol(std::string_view word, size_t at, size_t length) const {
    const bool is_plain =
        (prefix_.empty() || at == 0) && (suffix_.empty() || at + length != word.size());
    if (length == 1 && is_plain) return single_[static_cast<unsigned char>(word[at])];
    if (is_plain) return found(word.substr(at, length));
    return found(spelled(word, at, length));
  }

  std::string spelled(std::string_view word, size_t at, size_t length) const {
    return (at == 0 ? "" : prefix_) +
           (is_bytes_ ? byte_level_spelling(word.substr(at, length))
                      : std::string(word.substr(at, length))) +
           (at + length == word.size() ? suffix_ : "");
  }

  std::optional<TokenId> found(std::string_view spelling) const {
    const auto one = characters_.find(spelling);
    return one == characters_.end() ? std::nullopt : std::optional<TokenId>(one->second);
  }

  // All bytes of the symbol as pieces, or none.
  bool append_fallback(std::string_view word, size_t at, size_t length,
                       std::vector<TokenId>& symbols) const {
    if (!byte_fallback_) return false;
    const std::string bytes = spelled(word, at, length);
    const auto known = [&](char byte) {
      return fallback_[static_cast<unsigned char>(byte)].has_value();
    };
    if (!std::all_of(bytes.begin(), bytes.end(), known)) return false;
    for (const char byte : bytes) symbols.push_back(*fallback_[static_cast<unsigned char>(byte)]);
    return true;
  }

  PreTokenizer pre_tokenizer_;
  bool is_bytes_ = false;  // words are bytes, spelled in GPT-2's alphabet
  BpeMerger merger_;
  std::array<std::optional<TokenId>, 256> single_;    // by byte
  std::array<std::optional<TokenId>, 256> fallback_;  // "<0x0A>" by byte
  IdsByText characters_;                              // by spelling, where single_ is not enough
  IdsByText words_;                                   // by text, for ignore_merges
  std::string prefix_, suffix_;
  std::optional<TokenId> unk_;
  bool ignore_merges_ = false, byte_fallback_ = false, fuse_unk_ = false;
};

}  // namespace

Result<std::unique_ptr<Tokenizer>> make_bpe_tokenizer(BpeVocabulary vocabulary,
                                                      std::string_view origin) {
  VocabularyParts parts;
  IdsByText ids;  // the model's own, without added tokens
  std::vector<bool> is_added(vocabulary.pieces.size());
  for (const AddedToken& token : vocabulary.added) {
    if (token.in_model) continue;
    is_added[static_cast<size_t>(token.id)] = true;
  }
  for (size_t i = 0; i < vocabulary.pieces.size(); ++i) {
    parts.bytes.push_back(bytes_of(vocabulary.pieces[i], vocabulary.spelling));
    if (is_added[i]) continue;
    ids.try_emplace(vocabulary.pieces[i], static_cast<TokenId>(i));
  }
  auto encoder = BpeEncoder::make(vocabulary, ids);
  if (!encoder.ok()) return encoder.status().with_context(origin);
  parts.encoder = std::move(encoder).value();
  auto normalizer = Normalizer::compile(std::move(vocabulary.normalizer));
  if (!normalizer.ok()) return normalizer.status().with_context(origin);
  parts.normalizer = std::move(normalizer).value();
  parts.pieces = std::move(vocabulary.pieces);
  parts.added = std::move(vocabulary.added);
  parts.bos = vocabulary.bos;
  parts.eos = vocabulary.eos;
  parts.ends = std::move(vocabulary.ends);
  parts.has_dummy_prefix = vocabulary.spelling.drops_first_space;
  parts.kind = vocabulary.spelling.byte_level ? "byte-level bpe" : "bpe";
  return make_vocabulary_tokenizer(std::move(parts));
}

}  // namespace puna

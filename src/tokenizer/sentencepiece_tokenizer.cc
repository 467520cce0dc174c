// The library never matches control pieces in text, so every piece that must not come of text is
// one for it: added tokens are cut out before it sees the text.

#include "tokenizer/sentencepiece_tokenizer.h"

#include <sentencepiece_processor.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "tokenizer/added_token_list.h"
#include "tokenizer/vocabulary_tokenizer.h"

namespace puna {
namespace {

using sentencepiece::SentencePieceProcessor;

constexpr std::string_view kSpaceMark = "\xE2\x96\x81";  // "▁"

std::string bytes_of(const SentencePiece& piece) {
  if (piece.type == PieceType::kControl || piece.type == PieceType::kUnknown ||
      piece.type == PieceType::kUnused) {
    return "";
  }
  if (piece.type == PieceType::kByte) {
    const size_t digits = std::min<size_t>(piece.text.size(), 3);  // "<0x0A>"
    return std::string(1, static_cast<char>(std::strtol(piece.text.c_str() + digits, nullptr, 16)));
  }
  std::string bytes;
  for (size_t begin = 0; begin < piece.text.size();) {
    const size_t mark = std::min(piece.text.find(kSpaceMark, begin), piece.text.size());
    bytes += piece.text.substr(begin, mark - begin);
    if (mark < piece.text.size()) bytes += ' ';
    begin = mark + kSpaceMark.size();
  }
  return bytes;
}

class SentencePieceEncoder final : public WordEncoder {
 public:
  static Result<std::unique_ptr<SentencePieceEncoder>> make(SentencePieceVocabulary vocabulary,
                                                            PrependScheme prepend) {
    std::unique_ptr<SentencePieceEncoder> made(
        new SentencePieceEncoder(std::move(vocabulary), prepend));
    RETURN_IF_ERROR(made->load());
    return made;
  }

  const SentencePieceProcessor& processor() const { return *with_space_; }

  void forbid(const std::vector<bool>& ids) override {
    bool changed = false;
    for (size_t i = 0; i < std::min(ids.size(), vocabulary_.pieces.size()); ++i) {
      PieceType& type = vocabulary_.pieces[i].type;
      if (!ids[i] || (type != PieceType::kNormal && type != PieceType::kUserDefined)) continue;
      type = PieceType::kControl;
      changed = true;
    }
    if (changed) loaded_ = load();
  }

  Status encode(std::string_view text, bool at_start, std::vector<TokenId>& ids) const override {
    const bool spaced =
        prepend_ == PrependScheme::kAlways || (prepend_ == PrependScheme::kFirst && at_start);
    std::vector<int> words;
    const auto status = (spaced ? with_space_ : without_space_)->Encode(text, &words);
    if (!status.ok()) return invalid_argument("SentencePiece: {}", status.ToString());
    ids.insert(ids.end(), words.begin(), words.end());
    return {};
  }

 private:
  SentencePieceEncoder(SentencePieceVocabulary vocabulary, PrependScheme prepend)
      : vocabulary_(std::move(vocabulary)), prepend_(prepend) {}

  Status load() {
    const auto open = [&](bool adds_space) -> Result<std::unique_ptr<SentencePieceProcessor>> {
      vocabulary_.adds_dummy_prefix = adds_space;
      auto made = std::make_unique<SentencePieceProcessor>();
      const auto status = made->LoadFromSerializedProto(serialize_model(vocabulary_));
      if (!status.ok()) {
        return invalid_argument("not a SentencePiece model ({}); fetch the file again",
                                status.message());
      }
      return made;
    };
    ASSIGN_OR_RETURN(with_space_, open(prepend_ != PrependScheme::kNever));
    if (prepend_ != PrependScheme::kAlways) {
      ASSIGN_OR_RETURN(without_space_, open(false));
    }
    return {};
  }

  SentencePieceVocabulary vocabulary_;
  PrependScheme prepend_;
  Status loaded_;
  std::unique_ptr<SentencePieceProcessor> with_space_, without_space_;
};

// Control and user-defined pieces are added tokens, as in transformers.
std::vector<AddedToken> added_pieces(const SentencePieceVocabulary& vocabulary) {
  std::vector<AddedToken> added;
  for (size_t i = 0; i < vocabulary.pieces.size(); ++i) {
    const SentencePiece& piece = vocabulary.pieces[i];
    if (piece.type != PieceType::kControl && piece.type != PieceType::kUserDefined) continue;
    AddedToken token;
    token.content = piece.text;
    token.id = static_cast<TokenId>(i);
    token.special = piece.type == PieceType::kControl;
    token.in_model = true;
    added.push_back(std::move(token));
  }
  return added;
}

}  // namespace

Result<std::unique_ptr<Tokenizer>> make_sentencepiece_tokenizer(SentencePieceVocabulary vocabulary,
                                                                SentencePieceOptions options,
                                                                std::string_view origin) {
  VocabularyParts parts;
  std::vector<bool> added(vocabulary.pieces.size());
  for (const SentencePiece& piece : vocabulary.pieces) {
    parts.pieces.push_back(piece.text);
    parts.bytes.push_back(bytes_of(piece));
  }
  AddedTokenList list(parts.pieces, added_pieces(vocabulary));
  RETURN_IF_ERROR(add_tokens(options.config, origin, list));
  parts.added = list.take();
  for (const AddedToken& token : parts.added) {
    if (static_cast<size_t>(token.id) < added.size()) added[static_cast<size_t>(token.id)] = true;
  }
  parts.bos = vocabulary.bos;
  parts.eos = vocabulary.eos;
  if (!vocabulary.adds_dummy_prefix) options.prepend = PrependScheme::kNever;
  auto encoder = SentencePieceEncoder::make(std::move(vocabulary), options.prepend);
  if (!encoder.ok()) return encoder.status().with_context(origin);
  const SentencePieceProcessor& processor = (*encoder)->processor();
  if (!parts.bos && processor.bos_id() >= 0) parts.bos = processor.bos_id();
  if (!parts.eos && processor.eos_id() >= 0) parts.eos = processor.eos_id();
  apply_ends(options.config, parts.pieces, parts.bos, parts.eos, parts.ends);
  (*encoder)->forbid(added);
  parts.encoder = std::move(encoder).value();
  parts.has_dummy_prefix = options.prepend != PrependScheme::kNever;
  parts.kind = "sentencepiece";
  return make_vocabulary_tokenizer(std::move(parts));
}

}  // namespace puna

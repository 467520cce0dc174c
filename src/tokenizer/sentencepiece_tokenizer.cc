// Control pieces are never matched in text by libsentencepiece; prompts are cut at them first.

#include "tokenizer/sentencepiece_tokenizer.h"

#include <sentencepiece_processor.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/utf8.h"
#include "tokenizer/special_tokens.h"

namespace puna {
namespace {

constexpr std::string_view kSpaceMark = "\xE2\x96\x81";  // "▁"

std::string bytes_of(const sentencepiece::SentencePieceProcessor& processor, int id) {
  if (processor.IsControl(id) || processor.IsUnknown(id) || processor.IsUnused(id)) return "";
  const std::string& piece = processor.IdToPiece(id);
  if (processor.IsByte(id)) {
    const size_t digits = std::min<size_t>(piece.size(), 3);  // "<0x0A>"
    return std::string(1, static_cast<char>(std::strtol(piece.c_str() + digits, nullptr, 16)));
  }
  std::string bytes;
  for (size_t begin = 0; begin < piece.size();) {
    const size_t mark = std::min(piece.find(kSpaceMark, begin), piece.size());
    bytes += piece.substr(begin, mark - begin);
    if (mark < piece.size()) bytes += ' ';
    begin = mark + kSpaceMark.size();
  }
  return bytes;
}

class SentencePieceTokenizer final : public Tokenizer {
 public:
  static Result<std::unique_ptr<Tokenizer>> make(std::string_view model,
                                                 const SentencePieceOptions& options,
                                                 std::string_view origin) {
    std::unique_ptr<SentencePieceTokenizer> tokenizer(new SentencePieceTokenizer(options));
    const auto status = tokenizer->processor_.LoadFromSerializedProto(model);
    if (!status.ok()) {
      return invalid_argument("{}: not a SentencePiece model ({}); fetch the file again", origin,
                              status.message());
    }
    tokenizer->index();
    return std::unique_ptr<Tokenizer>(std::move(tokenizer));
  }

  std::vector<TokenId> encode(std::string_view text, SpecialTokens special) const override {
    const std::string repaired = repair_utf8(text);
    if (special == SpecialTokens::kRecognise) return ids_of(finder_.split(repaired));
    return ids_of({TextPiece{repaired, std::nullopt}});
  }
  std::vector<TokenId> encode_prompt(const PromptText& prompt) const override {
    return ids_of(finder_.split(prompt));
  }
  std::string_view token_bytes(TokenId id) const override {
    return is_known(id) ? std::string_view(bytes_[static_cast<size_t>(id)]) : std::string_view();
  }
  std::string_view token_piece(TokenId id) const override {
    return is_known(id) ? std::string_view(processor_.IdToPiece(id)) : std::string_view();
  }
  bool is_special(TokenId id) const override { return is_known(id) && processor_.IsControl(id); }
  std::optional<TokenId> find_piece(std::string_view piece) const override {
    const int id = processor_.PieceToId(piece);
    if (id == processor_.unk_id() && processor_.IdToPiece(id) != piece) return std::nullopt;
    return id;
  }
  int vocabulary_size() const override { return processor_.GetPieceSize(); }
  std::optional<TokenId> bos_id() const override { return options_.bos; }
  std::optional<TokenId> eos_id() const override { return options_.eos; }
  bool adds_bos() const override { return options_.adds_bos; }
  bool has_dummy_prefix() const override { return options_.adds_dummy_prefix; }
  std::string_view kind() const override { return "sentencepiece"; }

 private:
  explicit SentencePieceTokenizer(const SentencePieceOptions& options) : options_(options) {}

  bool is_known(TokenId id) const { return id >= 0 && id < processor_.GetPieceSize(); }

  void index() {
    std::vector<std::pair<std::string, TokenId>> special;
    for (int id = 0; id < processor_.GetPieceSize(); ++id) {
      bytes_.push_back(bytes_of(processor_, id));
      if (processor_.IsControl(id)) special.emplace_back(processor_.IdToPiece(id), id);
    }
    finder_ = SpecialTokenFinder(std::move(special));
    if (!options_.bos && processor_.bos_id() >= 0) options_.bos = processor_.bos_id();
    if (!options_.eos && processor_.eos_id() >= 0) options_.eos = processor_.eos_id();
  }

  std::vector<TokenId> ids_of(const std::vector<TextPiece>& pieces) const {
    std::vector<TokenId> ids;
    std::vector<int> words;
    for (const TextPiece& piece : pieces) {
      if (piece.special) {
        ids.push_back(*piece.special);
        continue;
      }
      const auto status = processor_.Encode(repair_utf8(piece.text), &words);
      CHECK(status.ok(), "libsentencepiece refuses valid UTF-8");
      ids.insert(ids.end(), words.begin(), words.end());
    }
    return ids;
  }

  SentencePieceOptions options_;
  sentencepiece::SentencePieceProcessor processor_;
  std::vector<std::string> bytes_;  // by id
  SpecialTokenFinder finder_;
};

}  // namespace

Result<std::unique_ptr<Tokenizer>> make_sentencepiece_tokenizer(std::string_view model,
                                                                const SentencePieceOptions& options,
                                                                std::string_view origin) {
  return SentencePieceTokenizer::make(model, options, origin);
}

}  // namespace puna

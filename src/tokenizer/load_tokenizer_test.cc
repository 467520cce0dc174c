// Which tokenizer a checkpoint has, the formats converted into one another, and what is refused.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "base/json.h"
#include "tokenizer/bpe_tokenizer.h"
#include "tokenizer/sentencepiece_tokenizer.h"
#include "tokenizer/sentencepiece_vocabulary.h"
#include "tokenizer/tokenizer.h"

namespace puna {
namespace {

using ::testing::HasSubstr;

std::unique_ptr<Tokenizer> golden_sentencepiece() {
  return load_tokenizer({.folder = "tests/golden/llama/multi_head", .gguf = nullptr}).value();
}

class Folder {
 public:
  Folder()
      : path_(std::filesystem::temp_directory_path() /
              (std::string("puna_tokenizer_") +
               ::testing::UnitTest::GetInstance()->current_test_info()->name())) {
    std::filesystem::create_directories(path_);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  void write(const char* name, const std::string& text) const {
    std::ofstream(path_ / name) << text;
  }
  void remove(const char* name) const { std::filesystem::remove(path_ / name); }
  std::string refusal() const {
    return load_tokenizer({.folder = path_, .gguf = nullptr}).status().message();
  }
  std::unique_ptr<Tokenizer> load() const {
    auto tokenizer = load_tokenizer({.folder = path_, .gguf = nullptr});
    EXPECT_TRUE(tokenizer.ok()) << tokenizer.status().message();
    return std::move(tokenizer).value();
  }

 private:
  std::filesystem::path path_;
};

const std::vector<std::string> kTexts = {
    "Hello, world!", "  two  spaces ", "你好 👋", "a\nb\tc", "the the the", "", " ", "ÄÖÜ 123"};

// The pieces of the golden model, as a GGUF file or a tokenizer.json would carry them.
SentencePieceVocabulary golden_vocabulary() {
  const auto tokenizer = golden_sentencepiece();
  SentencePieceVocabulary vocabulary;
  for (TokenId id = 0; id < tokenizer->vocabulary_size(); ++id) {
    const std::string piece(tokenizer->token_piece(id));
    PieceType type = PieceType::kNormal;
    if (tokenizer->is_special(id)) type = PieceType::kControl;
    if (piece == "<unk>") type = PieceType::kUnknown;
    if (piece.size() == 6 && piece.starts_with("<0x")) type = PieceType::kByte;
    // SentencePiece numbers its merged pieces by falling score.
    vocabulary.pieces.push_back({piece, -static_cast<float>(id), type});
  }
  vocabulary.specs = make_sentencepiece_specs(vocabulary);
  return vocabulary;
}

TEST(LoadTokenizer, AModelMadeOfPiecesGivesTheSameIds) {
  const auto original = golden_sentencepiece();
  const auto rebuilt = make_sentencepiece_tokenizer(golden_vocabulary(), {}, "test");
  ASSERT_TRUE(rebuilt.ok()) << rebuilt.status().message();
  for (const std::string& text : kTexts) {
    EXPECT_EQ((*rebuilt)->encode(text, SpecialTokens::kAsText).value(),
              original->encode(text, SpecialTokens::kAsText).value())
        << text;
  }
}

TEST(LoadTokenizer, ReadsATokenizerJsonThatCameFromSentencePiece) {
  // Every merged piece with every way to make it of two others, in the order of its id, as
  // transformers converts such models.
  const SentencePieceVocabulary vocabulary = golden_vocabulary();
  Json json = {{"model", {{"type", "BPE"}, {"byte_fallback", true}}}};
  Json vocab = Json::object();
  Json merges = Json::array();
  Json added = Json::array();
  for (size_t id = 0; id < vocabulary.pieces.size(); ++id) {
    vocab[vocabulary.pieces[id].text] = id;
  }
  for (size_t id = 0; id < vocabulary.pieces.size(); ++id) {
    const SentencePiece& piece = vocabulary.pieces[id];
    if (piece.type == PieceType::kControl || piece.type == PieceType::kUnknown) {
      added.push_back({{"id", id}, {"content", piece.text}, {"special", true}});
    }
    if (piece.type != PieceType::kNormal) continue;
    for (size_t cut = 1; cut < piece.text.size(); ++cut) {
      const std::string left = piece.text.substr(0, cut);
      const std::string right = piece.text.substr(cut);
      if (vocab.contains(left) && vocab.contains(right)) merges.push_back({left, right});
    }
  }
  json["model"]["vocab"] = vocab;
  json["model"]["merges"] = merges;
  json["added_tokens"] = added;
  json["normalizer"] = {
      {"type", "Sequence"},
      {"normalizers",
       {{{"type", "Prepend"}, {"prepend", "\u2581"}},
        {{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", "\u2581"}}}}};
  const Folder folder;
  folder.write("tokenizer.json", dump_json(json));
  const auto loaded = folder.load();
  const auto original = golden_sentencepiece();
  EXPECT_EQ(loaded->bos_id(), original->bos_id());
  for (const std::string& text : kTexts) {
    EXPECT_EQ(loaded->encode(text, SpecialTokens::kAsText).value(),
              original->encode(text, SpecialTokens::kAsText).value())
        << text;
  }
}

TEST(LoadTokenizer, TokenizerConfigNamesEosAndTokenizerJsonDecidesAboutBos) {
  const Folder folder;
  std::filesystem::copy_file(
      "tests/golden/tokenizer/tokenizer_llama3.json",
      std::filesystem::temp_directory_path() /
          "puna_tokenizer_TokenizerConfigNamesEosAndTokenizerJsonDecidesAboutBos" /
          "tokenizer.json");
  folder.write("tokenizer_config.json",
               R"({"eos_token": {"content": "<|eot_id|>"}, "add_bos_token": false})");
  const auto tokenizer = folder.load();
  EXPECT_TRUE(tokenizer->adds_bos());  // as in transformers 5
  EXPECT_EQ(tokenizer->token_piece(*tokenizer->eos_id()), "<|eot_id|>");
}

TEST(LoadTokenizer, AFolderWithoutTokenizerNamesTheFiles) {
  EXPECT_THAT(Folder().refusal(), HasSubstr("neither tokenizer.model nor tokenizer.json"));
}

TEST(LoadTokenizer, DamagedFilesAreErrorsWithTheirName) {
  const Folder folder;
  folder.write("tokenizer.json", "{\"model\": ");
  EXPECT_THAT(folder.refusal(), HasSubstr("tokenizer.json"));
  folder.remove("tokenizer.json");
  folder.write("tokenizer.model", "not a model");
  EXPECT_THAT(folder.refusal(), HasSubstr("tokenizer.model: not a SentencePiece model"));
}

TEST(LoadTokenizer, UnsupportedTokenizersAreNamed) {
  const auto refusal = [](const std::string& text) {
    return read_json_bpe(parse_json(text).value(), "t.json").status().message();
  };
  EXPECT_THAT(refusal(R"({"model": {"type": "Unigram"}})"), HasSubstr("type Unigram; only BPE"));
  EXPECT_THAT(refusal(R"({"model": {"vocab": {"a": -1}, "merges": []}})"), HasSubstr("id of a"));
  EXPECT_THAT(refusal(R"({"model": {"vocab": {"a": 0}, "merges": ["ab"]}})"),
              HasSubstr("two pieces"));
  EXPECT_THAT(refusal(R"({"model": {"vocab": {"a": 0}, "merges": []},
                          "pre_tokenizer": {"type": "UnicodeScripts"}})"),
              HasSubstr("UnicodeScripts, which is not supported"));
}

TEST(LoadTokenizer, AMergeOfUnknownPiecesIsRefused) {
  BpeVocabulary vocabulary;
  vocabulary.pieces = {"a", "b"};
  vocabulary.merges = {{"a", "b"}};
  EXPECT_THAT(make_bpe_tokenizer(vocabulary, "t.json").status().message(), HasSubstr("\"a b\""));
}

TEST(LoadTokenizer, ABadPatternIsRefusedWithItsPlace) {
  EXPECT_THAT(TextPattern::compile("a(b").status().message(), HasSubstr("at offset 3"));
  EXPECT_THAT(named_pre_tokenizer("mpt").status().message(), HasSubstr("smollm"));
}

}  // namespace
}  // namespace puna

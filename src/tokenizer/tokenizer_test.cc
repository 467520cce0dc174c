// Ids equal the reference libraries' on thousands of lines
// (tools/goldens/make_tokenizer_goldens.py).

#include "tokenizer/tokenizer.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/json.h"
#include "base/sanitized.h"
#include "base/utf8.h"
#include "tokenizer/bpe_tokenizer.h"

namespace puna {
namespace {

constexpr size_t kLongTextBytes = kSanitized ? 1 << 20 : 10 << 20;
constexpr const char* kGolden = "tests/golden/tokenizer/";
constexpr const char* kDemoModel = "build/models/SmolLM2-135M-Instruct.Q4_1.gguf";

struct Line {
  std::string bytes;
  Json expected;  // ids by reference
};

std::string from_hex(const std::string& hex) {
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  }
  return bytes;
}

const std::vector<Line>& corpus() {
  static const std::vector<Line> lines = [] {
    std::vector<Line> read;
    std::ifstream file(std::string(kGolden) + "corpus.jsonl");
    std::string text;
    std::getline(file, text);  // versions
    while (std::getline(file, text)) {
      const Json row = parse_json(text).value();
      read.push_back({row.contains("hex") ? from_hex(row["hex"].get<std::string>())
                                          : row["text"].get<std::string>(),
                      row});
    }
    return read;
  }();
  return lines;
}

void expect_reference_ids(const Tokenizer& tokenizer, const std::string& reference,
                          size_t lines_at_least) {
  size_t lines = 0;
  for (const Line& line : corpus()) {
    // A pre-tokenizer that gives what "smollm" gives is left out of the file.
    const bool same =
        !line.expected.contains(reference) && (reference == "llama-bpe" || reference == "gpt-2");
    const std::string key = same ? "smollm" : reference;
    if (!line.expected.contains(key)) continue;
    ++lines;
    ASSERT_EQ(tokenizer.encode(line.bytes, SpecialTokens::kAsText).value(),
              line.expected[key].get<std::vector<TokenId>>())
        << "line: " << escape_for_terminal(line.bytes);
  }
  EXPECT_GE(lines, lines_at_least);
}

std::shared_ptr<const GgufFile> demo_gguf() {
  auto gguf = GgufFile::open(kDemoModel);
  EXPECT_TRUE(gguf.ok()) << gguf.status().message() << " (run 'make fetch-models')";
  return gguf.ok() ? *gguf : nullptr;
}

std::unique_ptr<Tokenizer> demo_tokenizer(const std::string& pre_tokenizer) {
  BpeVocabulary vocabulary = read_gguf_bpe(*demo_gguf()).value();
  NamedPreTokenizer words = named_pre_tokenizer(pre_tokenizer).value();
  vocabulary.pre_tokenizer = std::move(words.steps);
  vocabulary.ignore_merges = words.ignore_merges;
  return make_bpe_tokenizer(std::move(vocabulary), "test").value();
}

std::unique_ptr<Tokenizer> folder_tokenizer(const std::string& folder) {
  auto tokenizer = load_tokenizer({.folder = folder, .gguf = nullptr});
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.status().message();
  return tokenizer.ok() ? std::move(tokenizer).value() : nullptr;
}

std::unique_ptr<Tokenizer> json_tokenizer(const std::string& name) {
  std::ifstream file(kGolden + name + ".json");
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  const Json json = parse_json(text).value();
  return make_bpe_tokenizer(read_json_bpe(json, name).value(), name).value();
}

TEST(BpeTokenizer, GivesTheIdsOfSmolLM2) {
  const auto tokenizer = load_tokenizer({.folder = "", .gguf = demo_gguf()});
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().message();
  expect_reference_ids(**tokenizer, "smollm", 2400);
}

TEST(BpeTokenizer, GivesTheIdsOfLlama3sWords) {
  expect_reference_ids(*demo_tokenizer("llama-bpe"), "llama-bpe", 2400);
}

TEST(BpeTokenizer, GivesTheIdsOfGpt2sWords) {
  expect_reference_ids(*demo_tokenizer("gpt-2"), "gpt-2", 2400);
}

TEST(BpeTokenizer, ReadsTokenizerJson) {
  expect_reference_ids(*json_tokenizer("tokenizer_smollm"), "tokenizer_smollm", 500);
  expect_reference_ids(*json_tokenizer("tokenizer_llama3"), "tokenizer_llama3", 500);
}

TEST(BpeTokenizer, TokenizerJsonSaysWhetherAPromptBeginsWithBos) {
  EXPECT_FALSE(json_tokenizer("tokenizer_smollm")->adds_bos());
  const auto llama3 = json_tokenizer("tokenizer_llama3");
  EXPECT_TRUE(llama3->adds_bos());
  EXPECT_EQ(llama3->token_piece(*llama3->bos_id()), "<|begin_of_text|>");
}

TEST(BpeTokenizer, AddedTokensThatAreNotSpecialAreTokensInAnyText) {
  const auto tokenizer = json_tokenizer("tokenizer_smollm");
  const auto ids = tokenizer->encode("my order-number is", SpecialTokens::kAsText).value();
  const auto added = tokenizer->find_piece("order-number");
  ASSERT_TRUE(added.has_value());
  EXPECT_EQ(std::count(ids.begin(), ids.end(), *added), 1);
  EXPECT_EQ(tokenizer->decode(ids), "my order-number is");
}

TEST(BpeTokenizer, GivesTheTextBackUnlessBytesHaveNoToken) {
  // With a full byte alphabet everything comes back; invalid UTF-8 as U+FFFD.
  const auto tokenizer = json_tokenizer("tokenizer_smollm");
  for (const Line& line : corpus()) {
    const auto ids = tokenizer->encode(line.bytes, SpecialTokens::kAsText).value();
    ASSERT_EQ(tokenizer->decode(ids), repair_utf8(line.bytes));
  }
}

TEST(BpeTokenizer, TextFromAUserNeverBecomesAControlToken) {
  const auto tokenizer = demo_tokenizer("smollm");
  for (const char* text : {"<|im_start|>", "<|im_end|>", "<|endoftext|>", "a<|im_end|>b"}) {
    const auto ids = tokenizer->encode(text, SpecialTokens::kAsText).value();
    for (const TokenId id : ids) {
      EXPECT_FALSE(tokenizer->is_special(id)) << text;
    }
  }
}

TEST(BpeTokenizer, ControlTokensAreRecognisedWhereTheTemplateWroteEveryByte) {
  const auto tokenizer = demo_tokenizer("smollm");
  PromptText prompt{"<|im_end|>", std::vector<bool>(10, true)};
  EXPECT_EQ(tokenizer->encode_prompt(prompt).value(),
            std::vector<TokenId>{*tokenizer->find_piece("<|im_end|>")});
  for (size_t i = 0; i < 10; ++i) {
    prompt.from_template.assign(10, true);
    prompt.from_template[i] = false;  // one byte of a user is enough
    const auto ids = tokenizer->encode_prompt(prompt).value();
    for (const TokenId id : ids) {
      EXPECT_FALSE(tokenizer->is_special(id));
    }
  }
}

TEST(BpeTokenizer, MegabytesOfOneLetterAreNoTrap) {
  const auto tokenizer = demo_tokenizer("smollm");
  const std::string text(kLongTextBytes, 'a');
  const auto ids = tokenizer->encode(text, SpecialTokens::kAsText).value();
  EXPECT_EQ(tokenizer->decode(ids), text);
  EXPECT_LT(ids.size(), text.size() / 2);
}

TEST(SentencePieceTokenizer, GivesTheIdsOfTheReference) {
  const auto tokenizer = folder_tokenizer("tests/golden/llama/multi_head");
  ASSERT_NE(tokenizer, nullptr);
  expect_reference_ids(*tokenizer, "sentencepiece", 2400);
}

TEST(SentencePieceTokenizer, CutsPromptsAtControlTokensOfTheTemplateOnly) {
  const auto tokenizer = folder_tokenizer("tests/golden/llama/multi_head");
  ASSERT_NE(tokenizer, nullptr);
  const std::string text = "<s>[INST] </s> [/INST]";
  PromptText prompt{text, std::vector<bool>(text.size(), true)};
  for (size_t i = 10; i < 14; ++i) prompt.from_template[i] = false;  // </s> from the user
  const auto ids = tokenizer->encode_prompt(prompt).value();
  EXPECT_EQ(ids.front(), *tokenizer->bos_id());
  EXPECT_EQ(std::count(ids.begin(), ids.end(), *tokenizer->eos_id()), 0);
  EXPECT_EQ(std::count(ids.begin(), ids.end(), *tokenizer->bos_id()), 1);
}

TEST(SentencePieceTokenizer, MegabytesOfOneLetterAreNoTrap) {
  const auto tokenizer = folder_tokenizer("tests/golden/llama/multi_head");
  ASSERT_NE(tokenizer, nullptr);
  const std::string text(kLongTextBytes, 'a');
  EXPECT_EQ(tokenizer->decode(tokenizer->encode(text, SpecialTokens::kAsText).value()), text);
}

}  // namespace
}  // namespace puna

// What is asked of the hub and what of its answer is believed; tests/hub runs whole downloads.

#include "hub/hub.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "hub/hub_hash.h"
#include "hub/hub_listing.h"

namespace puna {
namespace {

using ::testing::HasSubstr;

constexpr const char* kCommit = "0123456789abcdef0123456789abcdef01234567";
constexpr const char* kSha256 = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

std::string listing_of(const std::vector<std::string>& paths, const std::string& more = "") {
  std::string text = std::string(R"({"sha": ")") + kCommit + R"(", )" + more + R"("siblings": [)";
  for (size_t i = 0; i < paths.size(); ++i) {
    text += (i == 0 ? "" : ", ");
    text += R"({"rfilename": ")" + paths[i] + R"(", "size": 5, "blobId": ")" + kCommit + R"("})";
  }
  return text + "]}";
}

std::vector<std::string> chosen(const std::vector<std::string>& paths,
                                const std::string& file = "") {
  const auto listing = parse_hub_listing(listing_of(paths), "o/n");
  EXPECT_TRUE(listing.ok()) << listing.status().message();
  const auto files = choose_files(*listing, "o/n", file);
  if (!files.ok()) return {files.status().message()};
  std::vector<std::string> names;
  for (const HubFile& one : *files) names.push_back(one.path);
  return names;
}

TEST(Hub, KnowsARepositoryIdFromAPath) {
  EXPECT_TRUE(is_repo_id("meta-llama/Llama-2-7b-chat-hf"));
  EXPECT_TRUE(is_repo_id("TinyLlama/TinyLlama-1.1B-Chat-v1.0"));
  for (const char* text :
       {"model", "/o/n", "o/", "o/n/x", "../n", "o/..", "./n", "o/na me", "o/n--x", "-o/n", ""}) {
    EXPECT_FALSE(is_repo_id(text)) << text;
  }
}

TEST(Hub, TakesSafetensorsAndLeavesPickleAndOtherFormats) {
  EXPECT_THAT(chosen({"README.md", "config.json", "model.safetensors", "onnx/model.onnx",
                      "pytorch_model.bin", "tokenizer.json", "consolidated.safetensors",
                      "sub/model.safetensors"}),
              ::testing::ElementsAre("config.json", "model.safetensors", "tokenizer.json"));
}

TEST(Hub, TakesTheOneGgufFileAndListsSeveral) {
  EXPECT_THAT(chosen({"README.md", "a.gguf"}), ::testing::ElementsAre("a.gguf"));
  EXPECT_THAT(chosen({"a.gguf", "b.gguf"})[0], HasSubstr("--file NAME': a.gguf, b.gguf"));
  EXPECT_THAT(chosen({"a.gguf", "b.gguf"}, "b.gguf"), ::testing::ElementsAre("b.gguf"));
  EXPECT_THAT(chosen({"a.gguf"}, "c.gguf")[0], HasSubstr("there is no file c.gguf"));
}

TEST(Hub, RefusesPickleOnlyRepositoriesAndNamesTheFix) {
  EXPECT_THAT(chosen({"config.json", "pytorch_model.bin"})[0], HasSubstr("safe_serialization"));
  EXPECT_THAT(chosen({"README.md"})[0], HasSubstr("is it a model?"));
}

TEST(Hub, BelievesNoFileNameThatLeavesTheRepository) {
  for (const char* path : {"../x", "/etc/passwd", "a/../../x", "a//b", "", ".", "a\\\\b"}) {
    const auto listing = parse_hub_listing(listing_of({path}), "o/n");
    EXPECT_FALSE(listing.ok()) << path;
  }
}

TEST(Hub, BelievesNoAnswerWithoutCommitOrHashes) {
  for (const std::string& text :
       {std::string("[]"), std::string("{}"), std::string(R"({"sha": "main", "siblings": []})"),
        std::string(R"({"sha": ")") + kCommit +
            R"(", "siblings": [{"rfilename": "a", "size": 1, "blobId": "../../x"}]})",
        std::string(R"({"sha": ")") + kCommit +
            R"(", "siblings": [{"rfilename": "a", "size": -1, "blobId": ")" + kCommit +
            R"("}]})"}) {
    EXPECT_FALSE(parse_hub_listing(text, "o/n").ok()) << text;
  }
}

TEST(Hub, KnowsMetasLicence) {
  const auto gated = parse_hub_listing(
      listing_of({}, R"("gated": "manual", "cardData": {"license": "llama3.1"}, )"), "o/n");
  ASSERT_TRUE(gated.ok());
  EXPECT_TRUE(is_meta_licensed(*gated, "somebody/a-copy"));
  const auto open = parse_hub_listing(
      listing_of({}, R"("gated": false, "cardData": {"license": "apache-2.0"}, )"), "o/n");
  EXPECT_FALSE(is_meta_licensed(*open, "somebody/else"));
  EXPECT_TRUE(is_meta_licensed(*open, "meta-llama/Llama-2-7b-chat-hf"));
}

TEST(Hub, ChecksSha256AndGitHashes) {
  const auto path = std::filesystem::temp_directory_path() / "puna_hub_hash_test";
  std::ofstream(path) << "hello\n";
  // sha256sum and git hash-object of the same six bytes.
  HubFile file{"x", 6, "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03", true};
  EXPECT_TRUE(check_hub_file(path, file).ok());
  file = {"x", 6, "ce013625030ba8dba906f756967f9e9ca394464a", false};
  EXPECT_TRUE(check_hub_file(path, file).ok());
  file = {"x", 6, kSha256, true};
  EXPECT_EQ(check_hub_file(path, file).code(), StatusCode::kDataLoss);
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace puna

// open_checkpoint() on real and on made checkpoints, and what it refuses.

#include "model/checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/json.h"

namespace puna {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr char kDemoModel[] = "build/models/SmolLM2-135M-Instruct.Q4_1.gguf";
constexpr char kWhole[] = "tests/golden/llama/grouped_query_tied";
constexpr char kSharded[] = "tests/golden/llama/multi_head";

TEST(Checkpoint, OpensTheDemoModel) {
  const auto checkpoint = open_checkpoint(kDemoModel);
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status().message() << " (run 'make fetch-models')";
  EXPECT_EQ(
      describe(checkpoint->config),
      "llama: 30 layers, hidden 576, 9 heads, 3 kv heads, head 64, ffn 1536, vocabulary 49152 "
      "(tied), context 8192, rope theta 100000");
}

// A copy of a golden checkpoint that a test may damage.
class Copy {
 public:
  explicit Copy(const char* original)
      : path_(fs::temp_directory_path() /
              (std::string("puna_checkpoint_") +
               ::testing::UnitTest::GetInstance()->current_test_info()->name())) {
    fs::remove_all(path_);
    fs::copy(original, path_);
  }
  ~Copy() { fs::remove_all(path_); }
  Copy(const Copy&) = delete;
  Copy& operator=(const Copy&) = delete;

  const fs::path& path() const { return path_; }
  Json read(const char* name) const {
    std::ifstream file(path_ / name);
    return parse_json(std::string((std::istreambuf_iterator<char>(file)), {})).value();
  }
  void write(const char* name, const std::string& text) const {
    std::ofstream(path_ / name, std::ios::trunc) << text;
  }
  template <typename Change>
  void change_config(const Change& change) const {
    Json config = read("config.json");
    change(config);
    write("config.json", dump_json(config));
  }
  std::string refusal() const {
    const auto opened = open_checkpoint(path_);
    return opened.ok() ? "accepted" : opened.status().message();
  }

 private:
  fs::path path_;
};

TEST(Checkpoint, PickleIsNeverLoadedAndTheFixIsNamed) {
  const Copy copy(kWhole);
  fs::rename(copy.path() / "model.safetensors", copy.path() / "pytorch_model.bin");
  EXPECT_THAT(copy.refusal(), AllOf(HasSubstr("pytorch_model.bin"), HasSubstr("save_pretrained")));
}

TEST(Checkpoint, AnUnknownArchitectureListsTheKnownOnes) {
  const Copy copy(kWhole);
  copy.change_config([](Json& config) {
    config["architectures"] = {"MistralForCausalLM"};
    config["model_type"] = "mistral";
  });
  EXPECT_THAT(copy.refusal(), AllOf(HasSubstr("istral"), HasSubstr("LlamaForCausalLM")));
}

TEST(Checkpoint, CodeOfTheCheckpointIsIgnoredBesideAnArchitectureThatNeedsNone) {
  const Copy copy(kWhole);
  copy.change_config(
      [](Json& config) { config["auto_map"] = {{"AutoModelForCausalLM", "evil.Model"}}; });
  EXPECT_EQ(copy.refusal(), "accepted");
}

TEST(Checkpoint, AnArchitectureOfItsOwnCodeIsRefused) {
  const Copy copy(kWhole);
  copy.change_config([](Json& config) {
    config["architectures"] = {"EvilForCausalLM"};
    config["auto_map"] = {{"AutoModelForCausalLM", "evil.Model"}};
  });
  EXPECT_THAT(copy.refusal(), HasSubstr("auto_map"));
}

TEST(Checkpoint, EndTokensThatStandForNoneAreLeftOut) {
  for (const char* eos : {"4294967295", "-1", "[4294967295, -1]", "null"}) {
    const Copy copy(kWhole);
    copy.change_config([&](Json& config) {
      config["eos_token_id"] = Json::parse(eos);
      config["bos_token_id"] = 4294967295;
    });
    const auto checkpoint = open_checkpoint(copy.path());
    ASSERT_TRUE(checkpoint.ok()) << checkpoint.status().message();
    EXPECT_FALSE(checkpoint->config.bos_token_id);
    const auto whole = open_checkpoint(kWhole);
    EXPECT_LE(checkpoint->config.eos_token_ids.size(), whole->config.eos_token_ids.size());
  }
}

TEST(Checkpoint, AMissingTensorIsNamed) {
  const Copy copy(kWhole);
  copy.change_config([](Json& config) { config["num_hidden_layers"] = 4; });
  EXPECT_THAT(copy.refusal(), AllOf(HasSubstr("model.layers.3."), HasSubstr("missing")));
}

TEST(Checkpoint, AMisshapenTensorIsNamedWithBothShapes) {
  const Copy copy(kWhole);
  copy.change_config([](Json& config) { config["intermediate_size"] = 32; });
  EXPECT_THAT(copy.refusal(), AllOf(HasSubstr("mlp"), HasSubstr("shape"), HasSubstr("expected")));
}

TEST(Checkpoint, ImpossibleSizesAreRefused) {
  for (const char* key : {"hidden_size", "num_attention_heads", "vocab_size", "num_hidden_layers",
                          "num_key_value_heads", "intermediate_size"}) {
    const Copy copy(kWhole);
    copy.change_config([&](Json& config) { config[key] = 0; });
    EXPECT_THAT(copy.refusal(), HasSubstr(key));
    copy.change_config([&](Json& config) { config[key] = 1LL << 40; });
    EXPECT_THAT(copy.refusal(), HasSubstr(key));
    copy.change_config([&](Json& config) { config[key] = "many"; });
    EXPECT_THAT(copy.refusal(), HasSubstr(key));
  }
}

TEST(Checkpoint, ATruncatedFileIsRefused) {
  const Copy copy(kWhole);
  fs::resize_file(copy.path() / "model.safetensors",
                  fs::file_size(copy.path() / "model.safetensors") - 100);
  EXPECT_THAT(copy.refusal(), HasSubstr("model.safetensors"));
}

TEST(Checkpoint, AShardOutsideOfTheFolderIsRefused) {
  for (const char* shard : {"../secret.safetensors", "/etc/passwd"}) {
    const Copy copy(kSharded);
    Json index = copy.read("model.safetensors.index.json");
    index["weight_map"].begin().value() = shard;
    copy.write("model.safetensors.index.json", dump_json(index));
    EXPECT_THAT(copy.refusal(), HasSubstr("index.json")) << shard;
  }
}

TEST(Checkpoint, AMissingShardIsNamed) {
  const Copy copy(kSharded);
  fs::remove(copy.path() / "model-00002-of-00004.safetensors");
  EXPECT_THAT(copy.refusal(), HasSubstr("model-00002-of-00004.safetensors"));
}

TEST(Checkpoint, WhatIsNoModelSaysWhatOneIs) {
  EXPECT_THAT(open_checkpoint("docs").status().message(), HasSubstr("config.json"));
  EXPECT_THAT(open_checkpoint("README.md").status().message(), HasSubstr(".gguf"));
  EXPECT_THAT(open_checkpoint("/nowhere").status().message(), HasSubstr("/nowhere"));
  EXPECT_THAT(open_checkpoint("tests/golden/adapter").status().message(), HasSubstr("--adapter"));
}

}  // namespace
}  // namespace puna

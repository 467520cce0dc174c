// Tests that weights out of a packed file are, byte for byte, those packed into memory.

#include "backend/cpu/packed_weights.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <thread>

#include "backend/cpu/forward.h"
#include "backend/cpu/mapped_source.h"
#include "model/random_weights.h"
#include "packed/packed_cache.h"

namespace puna {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr const char* kTied = "tests/golden/llama/grouped_query_tied";
constexpr const char* kUntied = "tests/golden/llama/multi_head";
constexpr const char* kBiased = "tests/golden/llama/multi_query_biases_head_24";

void expect_equal(const PackedMatrix& left, const PackedMatrix& right, const std::string& what) {
  ASSERT_EQ(left.bytes(), right.bytes()) << what;
  EXPECT_EQ(std::memcmp(left.panels(), right.panels(), left.bytes()), 0) << what;
  EXPECT_TRUE(std::equal(left.biases().begin(), left.biases().end(), right.biases().begin(),
                         right.biases().end()))
      << what;
  EXPECT_EQ(left.layout().group, right.layout().group) << what;
  EXPECT_EQ(left.layout().symmetric, right.layout().symmetric) << what;
  EXPECT_EQ(left.layout().rotated, right.layout().rotated) << what;
}

void expect_equal(const CpuWeights& left, const CpuWeights& right) {
  expect_equal(left.embedding, right.embedding, "embedding");
  ASSERT_EQ(left.lm_head.has_value(), right.lm_head.has_value());
  if (left.lm_head) expect_equal(*left.lm_head, *right.lm_head, "lm_head");
  EXPECT_EQ(left.norm, right.norm);
  ASSERT_EQ(left.layers.size(), right.layers.size());
  for (size_t i = 0; i < left.layers.size(); ++i) {
    EXPECT_EQ(left.layers[i].input_norm, right.layers[i].input_norm);
    EXPECT_EQ(left.layers[i].post_attention_norm, right.layers[i].post_attention_norm);
    expect_equal(left.layers[i].qkv, right.layers[i].qkv, "qkv");
    expect_equal(left.layers[i].o, right.layers[i].o, "o");
    expect_equal(left.layers[i].gate_up, right.layers[i].gate_up, "gate_up");
    expect_equal(left.layers[i].down, right.layers[i].down, "down");
  }
}

class PackedWeightsTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) / fmt::format("packed-weights-{}", ::getpid());
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    ::setenv("PUNA_CACHE", (folder_ / "cache").c_str(), 1);
    file_ = folder_ / "model.packed";
  }
  Result<PackedReport> write(const Checkpoint& checkpoint, const WeightChoice& choice,
                             const fs::path& output) {
    return write_packed_weights(job(checkpoint, choice), output);
  }
  Result<CpuWeights> open_weights(const Checkpoint& checkpoint, const WeightChoice& choice,
                                  const std::string& place) {
    return open_cpu_weights(job(checkpoint, choice), place);
  }
  PackingJob job(const Checkpoint& checkpoint, const WeightChoice& choice) {
    return {.checkpoint = checkpoint, .choice = choice, .calibration_tokens = {}, .pool = pool_};
  }

  void TearDown() override {
    ::unsetenv("PUNA_CACHE");
    fs::remove_all(folder_);
  }

  static Checkpoint open(const char* path) {
    auto checkpoint = open_checkpoint(path);
    EXPECT_TRUE(checkpoint.ok()) << checkpoint.status().message();
    return std::move(*checkpoint);
  }

  fs::path folder_, file_;
  ThreadPool pool_{2};
};

TEST_F(PackedWeightsTest, AMappedFileHoldsWhatWouldBePackedIntoMemory) {
  for (const char* path : {kTied, kUntied, kBiased}) {
    const Checkpoint checkpoint = open(path);
    for (const auto format :
         {WeightFormat::kF32, WeightFormat::kBf16, WeightFormat::kInt8, WeightFormat::kInt4}) {
      const WeightChoice choice = {.format = format, .group_max = 64};
      SCOPED_TRACE(fmt::format("{} {}", path, describe(choice)));
      const auto written = write(checkpoint, choice, file_);
      ASSERT_TRUE(written.ok()) << written.status().message();
      EXPECT_FALSE(written->was_there);
      const auto mapped = open_weights(checkpoint, choice, file_);
      ASSERT_TRUE(mapped.ok()) << mapped.status().message();
      ASSERT_NE(mapped->mapped, nullptr);
      const auto packed = open_weights(checkpoint, choice, "off");
      ASSERT_TRUE(packed.ok());
      expect_equal(*mapped, *packed);
    }
  }
}

TEST_F(PackedWeightsTest, AFileOfOtherWeightsIsRefused) {
  const WeightChoice choice = {.format = WeightFormat::kBf16};
  ASSERT_TRUE(write(open(kTied), choice, file_).ok());
  const auto other = open_weights(open(kUntied), choice, file_);
  EXPECT_THAT(other.status().message(),
              HasSubstr("holds weights of another checkpoint (grouped_query_tied)"));
  const auto again = open_weights(open(kTied), {.format = WeightFormat::kF32}, file_);
  EXPECT_THAT(again.status().message(), HasSubstr("holds bf16, f32 is asked for"));
}

// The cache believes that another model's file has the bytes of the one that was packed.
TEST_F(PackedWeightsTest, WeightsThatAreNotThoseOfTheirStampAreFoundInTheBackground) {
  const WeightChoice choice = {.format = WeightFormat::kBf16};
  const Checkpoint packed = open(kTied);
  ASSERT_TRUE(write(packed, choice, file_).ok());
  const fs::path folder = folder_ / "other";
  fs::copy(kTied, folder);
  std::fstream file(folder / "model.safetensors", std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(-10, std::ios::end);
  file.put('x');
  file.close();
  const Checkpoint other = open(folder.c_str());
  EXPECT_FALSE(open_weights(other, choice, file_).ok());
  const auto cache = PackedCache::open();
  ASSERT_TRUE(cache.ok()) << cache.status().message();
  const auto identity = identify_weights(packed, "", &*cache, pool_);
  const auto files = WeightFiles::open(other.weight_files);
  ASSERT_TRUE(identity.ok() && files.ok());
  cache->remember(files->stamp(), identity->weights);
  const auto mapped = open_weights(other, choice, file_);
  ASSERT_TRUE(mapped.ok()) << mapped.status().message();
  EXPECT_TRUE(mapped->status().ok());
  mapped->mapped->settle();
  EXPECT_EQ(mapped->status().code(), StatusCode::kInternal);
  EXPECT_FALSE(fs::exists(file_));
  EXPECT_EQ(cache->recall(files->stamp()), std::nullopt);
}

// Three pieces and more, which the background puts elsewhere while steps read them.
TEST_F(PackedWeightsTest, AStepHasTheSameBitsWhileItsWeightsAreMoved) {
  LlamaConfig config;
  config.hidden_size = 512;
  config.intermediate_size = 1024;
  config.num_hidden_layers = 2;
  config.num_attention_heads = 8;
  config.num_key_value_heads = 2;
  config.head_dim = 64;
  config.vocab_size = 45'000;
  config.max_position_embeddings = 64;
  config.tie_word_embeddings = true;
  const auto random = random_weights(config, 1);
  {
    auto writer = PackedFileWriter::create(
        file_, {.layout_version = kPackedLayoutVersion, .content = "", .format = "", .model = ""});
    ASSERT_TRUE(writer.ok()) << writer.status().message();
    PackingSource packing(*random, {.format = WeightFormat::kF32}, pool_);
    ProgressBar progress("packing", 0, 1);
    WritingSource writing(packing, *writer, progress);
    ASSERT_TRUE(load_cpu_weights(config, writing).ok());
    ASSERT_TRUE(writer->commit().ok());
  }
  auto file = PackedFile::open(file_, kPackedLayoutVersion);
  ASSERT_TRUE(file.ok()) << file.status().message();
  EXPECT_GE(file->piece_count(), 3U);
  auto memory = WeightMemory::map(std::move(*file), {.delay = std::chrono::hours(1)});
  ASSERT_TRUE(memory.ok()) << memory.status().message();
  MappedSource source(*random, **memory);
  const auto weights = load_cpu_weights(config, source);
  auto kv = KvCache::allocate(config, KvCacheType::kBf16, 1);
  ASSERT_TRUE(weights.ok() && kv.ok());
  Forward forward(config, *weights, kernels_for(choose_isa().value()), *kv, pool_);
  const StepBatch batch = {
      .tokens = {7, 44'999},
      .runs = {{.first_token = 0, .token_count = 2, .first_position = 0, .block_table = {0}}},
      .wanted_rows = {{.token = 0}, {.token = 1}}};
  const auto first = forward.run(batch);
  const std::vector<float> expected(first.begin(), first.end());
  std::atomic<bool> settled = false;
  std::jthread background([&] {
    (*memory)->settle();
    settled = true;
  });
  do {
    const auto now = forward.run(batch);
    ASSERT_EQ(std::memcmp(now.data(), expected.data(), now.size_bytes()), 0);
  } while (!settled);
  const auto after = forward.run(batch);
  EXPECT_EQ(std::memcmp(after.data(), expected.data(), after.size_bytes()), 0);
}

TEST_F(PackedWeightsTest, AFileThatIsThereIsNotWrittenAgain) {
  const WeightChoice choice = {.format = WeightFormat::kInt8, .group_max = 32};
  ASSERT_TRUE(write(open(kTied), choice, file_).ok());
  const auto again = write(open(kTied), choice, file_);
  ASSERT_TRUE(again.ok());
  EXPECT_TRUE(again->was_there);
  EXPECT_EQ(packed_choice(file_)->format, WeightFormat::kInt8);
  EXPECT_EQ(packed_choice(file_)->group_max, 32u);
}

TEST_F(PackedWeightsTest, SmallWeightsLeaveNoFileInTheCache) {
  const auto weights = open_weights(open(kTied), {.format = WeightFormat::kBf16}, "auto");
  ASSERT_TRUE(weights.ok());
  EXPECT_EQ(weights->mapped, nullptr);
  EXPECT_FALSE(fs::exists(folder_ / "cache"));
}

// They have no file that could tell them apart.
TEST_F(PackedWeightsTest, RandomWeightsLeaveNoFileInTheCache) {
  Checkpoint checkpoint;
  checkpoint.config = open(kTied).config;
  checkpoint.weights = random_weights(checkpoint.config, 1);
  const auto weights = open_weights(checkpoint, {.format = WeightFormat::kBf16}, "auto");
  ASSERT_TRUE(weights.ok()) << weights.status().message();
  EXPECT_EQ(weights->mapped, nullptr);
  EXPECT_FALSE(write(checkpoint, {.format = WeightFormat::kBf16}, "").ok());
}

TEST(WeightChoice, IsReadAsItIsWritten) {
  for (const WeightChoice& choice :
       {WeightChoice{.format = WeightFormat::kInt4, .group_max = 32},
        WeightChoice{.format = WeightFormat::kInt8, .group_max = 128}}) {
    EXPECT_EQ(parse_weight_choice(describe(choice)), choice);
  }
  EXPECT_EQ(parse_weight_choice("int4 group 33"), std::nullopt);
}

}  // namespace
}  // namespace puna

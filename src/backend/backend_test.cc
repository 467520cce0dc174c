// The contract that every backend keeps: limits, errors, and the same bits whatever shares a batch.

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <numeric>

#include "backend/cpu/isa.h"
#include "backend/open_backend.h"
#include "backend/test_sequences.h"
#include "model/random_weights.h"

namespace puna {
namespace {

struct Subject {
  const char* name;
  const char* backend;
  const char* checkpoint;  // null for the fake
  WeightFormat weights = WeightFormat::kF32;
};

class BackendContract : public testing::TestWithParam<Subject> {
 protected:
  void SetUp() override {
    if (GetParam().checkpoint == nullptr) return;
    auto opened = open_checkpoint(GetParam().checkpoint);
    ASSERT_TRUE(opened.ok()) << opened.status().message();
    checkpoint_ = std::make_unique<Checkpoint>(std::move(opened).value());
  }

  std::unique_ptr<Backend> open(int threads) {
    BackendOptions options;
    options.name = GetParam().backend;
    options.weights = GetParam().weights;
    options.thread_count = threads;
    options.max_model_len = 256;
    options.max_num_seqs = 6;
    options.step_tokens_max = 200;
    auto backend = open_backend(options, checkpoint_.get());
    EXPECT_TRUE(backend.ok()) << backend.status().message();
    return backend.ok() ? std::move(backend).value() : nullptr;
  }

 private:
  std::unique_ptr<Checkpoint> checkpoint_;
};

StepBatch one_token(TokenId token) {
  return {.tokens = {token},
          .runs = {{.first_token = 0, .token_count = 1, .first_position = 0, .block_table = {0}}},
          .logit_tokens = {0}};
}

void expect_same_bits(const TestLogits& actual, const TestLogits& expected, const char* what) {
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < actual.size(); ++i) {
    ASSERT_EQ(actual[i].size(), expected[i].size());
    ASSERT_EQ(std::memcmp(actual[i].data(), expected[i].data(), actual[i].size() * sizeof(float)),
              0)
        << what << ": token " << i;
  }
}

TEST_P(BackendContract, KeepsTheLimitsItWasGiven) {
  const auto backend = open(1);
  ASSERT_NE(backend, nullptr);
  const BackendLimits& limits = backend->limits();
  EXPECT_EQ(limits.max_model_len, 256);
  EXPECT_EQ(limits.step_runs_max, 6);
  EXPECT_EQ(limits.step_tokens_max, 200);
  EXPECT_GE(limits.block_count, 256 / kBlockTokens);
  EXPECT_GT(limits.vocab_size, 0);
  EXPECT_FALSE(backend->describe().empty());
}

TEST_P(BackendContract, RefusesWhatBreaksALimitAndGoesOn) {
  const auto backend = open(1);
  ASSERT_NE(backend, nullptr);
  StepBatch empty;
  EXPECT_EQ(backend->run(empty).status().code(), StatusCode::kInvalidArgument);
  for (const TokenId token : {-1, backend->limits().vocab_size}) {
    EXPECT_EQ(backend->run(one_token(token)).status().code(), StatusCode::kInvalidArgument);
  }
  StepBatch outside = one_token(0);
  outside.runs[0].block_table = {backend->limits().block_count};
  EXPECT_EQ(backend->run(outside).status().code(), StatusCode::kInvalidArgument);
  StepBatch late = one_token(0);
  late.runs[0].first_position = backend->limits().max_model_len;
  EXPECT_EQ(backend->run(late).status().code(), StatusCode::kInvalidArgument);

  const auto logits = backend->run(one_token(1));
  ASSERT_TRUE(logits.ok()) << logits.status().message();
  EXPECT_EQ(logits->values.size(), static_cast<size_t>(backend->limits().vocab_size));
}

TEST_P(BackendContract, GivesOnlyTheLogitsThatAreWanted) {
  const auto backend = open(2);
  ASSERT_NE(backend, nullptr);
  std::mt19937 random(5);
  TestSequence sequence = random_sequences(1, 100, backend->limits(), random)[0];
  sequence.tokens.resize(40, 7);
  const TestLogits all = run_alone(*backend, sequence, 40);
  StepBatch batch{.tokens = sequence.tokens, .runs = {}, .logit_tokens = {3, 17, 39}};
  batch.runs.push_back({.first_token = 0,
                        .token_count = 40,
                        .first_position = 0,
                        .block_table = sequence.block_table});
  const auto some = backend->run(batch);
  ASSERT_TRUE(some.ok()) << some.status().message();
  TestLogits rows;
  for (size_t i = 0; i < 3; ++i) rows.emplace_back(some->row(i).begin(), some->row(i).end());
  expect_same_bits(rows, {all[3], all[17], all[39]}, "wanted rows");
  batch.logit_tokens.clear();
  const auto none = backend->run(batch);
  ASSERT_TRUE(none.ok());
  EXPECT_TRUE(none->values.empty());
}

TEST_P(BackendContract, GivesASequenceTheSameBitsInAnyBatchChunkingAndThreadCount) {
  const auto alone = open(1);
  ASSERT_NE(alone, nullptr);
  const std::unique_ptr<Backend> mixed[] = {open(1), open(2)};
  for (unsigned seed = 0; seed < 6; ++seed) {
    std::mt19937 random(seed);
    const auto sequences = random_sequences(6, 180, alone->limits(), random);
    std::vector<TestLogits> expected;
    for (TestSequence sequence : sequences) {
      expected.push_back(run_alone(*alone, sequence, static_cast<int>(sequence.tokens.size())));
    }
    for (const auto& backend : mixed) {
      ASSERT_NE(backend, nullptr);
      const auto actual = run_mixed(*backend, sequences, random);
      for (size_t i = 0; i < sequences.size(); ++i) {
        SCOPED_TRACE(testing::Message() << "seed " << seed << ", sequence " << i);
        expect_same_bits(actual[i], expected[i], "mixed");
      }
    }
  }
}

TEST_P(BackendContract, ForgetsWhatBlocksHeldBefore) {
  const auto used = open(1);
  const auto fresh = open(1);
  ASSERT_NE(used, nullptr);
  ASSERT_NE(fresh, nullptr);
  std::mt19937 random(11);
  TestSequence before = random_sequences(1, 1, used->limits(), random)[0];
  before.tokens.assign(64, 9);
  before.block_table = {0};
  run_alone(*used, before, 64);
  TestSequence sequence{.tokens = {5, 6, 7}, .block_table = {0}, .done = 0};
  TestSequence same = sequence;
  expect_same_bits(run_alone(*used, sequence, 3), run_alone(*fresh, same, 3), "reused block");
}

constexpr const char* kGrouped = "tests/golden/llama/grouped_query_tied";
constexpr const char* kBiased = "tests/golden/llama/multi_query_biases_head_24";

INSTANTIATE_TEST_SUITE_P(
    All, BackendContract,
    testing::Values(Subject{"fake", "fake", nullptr},
                    Subject{"cpu_f32", "cpu", kGrouped, WeightFormat::kF32},
                    Subject{"cpu_bf16", "cpu", kGrouped, WeightFormat::kBf16},
                    Subject{"cpu_int8", "cpu", kGrouped, WeightFormat::kInt8},
                    Subject{"cpu_int4", "cpu", kGrouped, WeightFormat::kInt4},
                    Subject{"cpu_f32_odd_head", "cpu", kBiased, WeightFormat::kF32},
                    Subject{"cpu_bf16_odd_head", "cpu", kBiased, WeightFormat::kBf16},
                    Subject{"cpu_int8_odd_head", "cpu", kBiased, WeightFormat::kInt8},
                    Subject{"cpu_int8_llama3", "cpu", "tests/golden/llama/rope_llama3",
                            WeightFormat::kInt8}),
    [](const auto& subject) { return std::string(subject.param.name); });

struct LongSubject {
  const char* name;
  WeightFormat weights;
  int weight_group;
  KvCacheType kv_cache_type;
};

// Sequences so long that their attention is cut into pieces.
class LongSequence : public testing::TestWithParam<LongSubject> {
 protected:
  void SetUp() override {
    LlamaConfig& config = checkpoint_.config;
    config.hidden_size = 192;
    config.intermediate_size = 320;
    config.num_hidden_layers = 2;
    config.num_attention_heads = 6;
    config.num_key_value_heads = 2;
    config.head_dim = 32;
    config.vocab_size = 300;
    config.max_position_embeddings = 2048;
    checkpoint_.weights = random_weights(config, 7);
  }

  std::unique_ptr<Backend> open(int threads) {
    BackendOptions options;
    options.weights = GetParam().weights;
    options.weight_group = GetParam().weight_group;
    options.kv_cache_type = GetParam().kv_cache_type;
    options.thread_count = threads;
    options.max_num_seqs = 2;
    options.step_tokens_max = 1300;
    auto backend = open_backend(options, &checkpoint_);
    EXPECT_TRUE(backend.ok()) << backend.status().message();
    return backend.ok() ? std::move(backend).value() : nullptr;
  }

  Checkpoint checkpoint_;
};

TEST_P(LongSequence, HasTheSameBitsInOnePieceOfWorkAndTokenByToken) {
  const auto whole = open(1);
  const auto pieces = open(2);
  ASSERT_NE(whole, nullptr);
  ASSERT_NE(pieces, nullptr);
  std::mt19937 random(3);
  TestSequence sequence = random_sequences(1, 1, whole->limits(), random)[0];
  sequence.tokens.resize(1200);
  for (TokenId& token : sequence.tokens) token = static_cast<TokenId>(random() % 300);
  sequence.block_table.resize(19);
  std::iota(sequence.block_table.begin(), sequence.block_table.end(), 1);
  TestSequence same = sequence;
  const TestLogits expected = run_alone(*whole, sequence, 1200);
  TestLogits actual;
  for (const int count : {501, 1, 1, 11, 1, 510}) {  // around the first pieces' ends
    const TestLogits rows = run_alone(*pieces, same, count);
    actual.insert(actual.end(), rows.begin(), rows.end());
  }
  while (actual.size() < 1200) actual.push_back(run_alone(*pieces, same, 1)[0]);
  expect_same_bits(actual, expected, "in pieces");
}

TEST_P(LongSequence, HasTheSameBitsOnEveryInstructionSetWithFusedMultiplyAdd) {
  const char* before = std::getenv("PUNA_ISA");
  const std::string kept = before == nullptr ? "" : before;
  std::vector<TestLogits> all;
  for (const Isa isa : {Isa::kAvx2, Isa::kAvxVnni, Isa::kAvx512Vnni, Isa::kAvx512}) {
    if (!is_supported(isa)) continue;
    setenv("PUNA_ISA", std::string(describe(isa)).c_str(), 1);
    const auto backend = open(1);
    ASSERT_NE(backend, nullptr);
    TestSequence sequence;
    for (int i = 0; i < 600; ++i) sequence.tokens.push_back(i * i % 300);
    for (int i = 0; i < 10; ++i) sequence.block_table.push_back(i);
    all.push_back(run_alone(*backend, sequence, 600));
  }
  before == nullptr ? unsetenv("PUNA_ISA") : setenv("PUNA_ISA", kept.c_str(), 1);
  if (all.size() < 2) GTEST_SKIP() << "this processor has at most one of them";
  for (const TestLogits& one : all) expect_same_bits(one, all[0], "instruction sets");
}

INSTANTIATE_TEST_SUITE_P(
    Formats, LongSequence,
    testing::Values(LongSubject{"f32", WeightFormat::kF32, 0, KvCacheType::kF32},
                    LongSubject{"bf16", WeightFormat::kBf16, 0, KvCacheType::kBf16},
                    LongSubject{"int8_kv_int8", WeightFormat::kInt8, 64, KvCacheType::kInt8},
                    LongSubject{"int4_32", WeightFormat::kInt4, 32, KvCacheType::kBf16},
                    LongSubject{"int4_64", WeightFormat::kInt4, 64, KvCacheType::kBf16},
                    LongSubject{"int4_kv_int8", WeightFormat::kInt4, 32, KvCacheType::kInt8}),
    [](const auto& subject) { return std::string(subject.param.name); });

}  // namespace
}  // namespace puna

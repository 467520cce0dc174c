// The contract that every backend keeps: limits, errors, and its exactness whatever shares a batch.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <iterator>

#include "backend/open_backend.h"
#include "backend/test_plugin.h"
#include "backend/test_sequences.h"
#include "base/sanitized.h"

namespace puna {
namespace {

struct Subject {
  const char* name;
  const char* checkpoint;  // null for the fake
  WeightFormat weights = WeightFormat::kF32;
  std::optional<KvCacheType> kv = std::nullopt;
  const char* plugin_rules = nullptr;  // of the reference plugin; null: another backend
  int tp_degree = 1;
};

class BackendContract : public testing::TestWithParam<Subject> {
 protected:
  void SetUp() override {
    if (GetParam().checkpoint == nullptr) return;
    auto opened = open_checkpoint(GetParam().checkpoint);
    ASSERT_TRUE(opened.ok()) << opened.status().message();
    checkpoint_ = std::make_unique<Checkpoint>(std::move(opened).value());
  }

  // A hundred times slower.
  static bool is_interpreted() { return GetParam().plugin_rules != nullptr; }

  std::unique_ptr<Backend> open(int threads) {
    BackendOptions options;
    if (GetParam().checkpoint == nullptr) {
      options.device = FakeOptions();
    } else if (GetParam().plugin_rules != nullptr) {
      const auto plugin = reference_plugin(GetParam().plugin_rules);
      // Compares the bits of its programs in the first test only.
      options.device = PjrtOptions{.device = plugin,
                                   .tp_degree = GetParam().tp_degree,
                                   .weights = GetParam().weights,
                                   .executable_store = plugin.parent_path() / "store"};
    } else {
      options.cpu().weights = GetParam().weights;
      options.cpu().kv_cache_type = GetParam().kv;
      options.cpu().thread_count = threads;
    }
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
          .wanted_rows = {{.token = 0}}};
}

// What steps of other company promise.
Exactness exactness(const Backend& backend) { return backend.traits().exactness; }

TEST_P(BackendContract, KeepsTheLimitsItWasGiven) {
  const auto backend = open(1);
  ASSERT_NE(backend, nullptr);
  const BackendLimits& limits = backend->limits();
  EXPECT_EQ(limits.max_model_len, 256);
  EXPECT_EQ(limits.step_runs_max, 6);
  EXPECT_EQ(limits.step_tokens_max, 200);
  EXPECT_GE(limits.block_count, 256 / backend->traits().block_tokens);
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

  const auto result = backend->run(one_token(1));
  ASSERT_TRUE(result.ok()) << result.status().message();
  EXPECT_EQ(result->logits.values.size(), static_cast<size_t>(backend->limits().vocab_size));
}

TEST_P(BackendContract, StartsAStepAndThenFinishesIt) {
  const auto backend = open(1);
  ASSERT_NE(backend, nullptr);
  EXPECT_EQ(backend->finish().status().code(), StatusCode::kFailedPrecondition);
  const StepBatch batch = one_token(1);
  ASSERT_TRUE(backend->start(batch).ok());
  const auto result = backend->finish();
  ASSERT_TRUE(result.ok()) << result.status().message();
  EXPECT_EQ(result->logits.values.size(), static_cast<size_t>(backend->limits().vocab_size));
  EXPECT_EQ(result->chosen.size(), backend->traits().samples ? 1U : 0U);
  EXPECT_FALSE(backend->finish().ok()) << "a step is finished once";
  EXPECT_TRUE(backend->health().ok());
}

TEST_P(BackendContract, GivesOnlyTheLogitsThatAreWanted) {
  const auto backend = open(2);
  ASSERT_NE(backend, nullptr);
  std::mt19937 random(5);
  TestSequence sequence = random_sequences(1, 100, *backend, random)[0];
  sequence.tokens.resize(40, 7);
  sequence.prompt_count = 40;
  const TestLogits all = run_alone(*backend, sequence, 40);
  // As run_alone() wants them: devices compute a row to choose from by another program.
  constexpr RowUse kScore = RowUse::kScorePrompt;
  StepBatch batch{.tokens = sequence.tokens,
                  .runs = {},
                  .wanted_rows = {{3, kScore}, {17, kScore}, {39, kScore}}};
  batch.runs.push_back({.first_token = 0,
                        .token_count = 40,
                        .first_position = 0,
                        .block_table = sequence.block_table});
  const auto some = backend->run(batch);
  ASSERT_TRUE(some.ok()) << some.status().message();
  TestLogits rows;
  for (size_t i = 0; i < 3; ++i)
    rows.emplace_back(some->logits.row(i).begin(), some->logits.row(i).end());
  expect_equal(rows, {all[3], all[17], all[39]}, exactness(*backend), "wanted rows");
  batch.wanted_rows.clear();
  const auto none = backend->run(batch);
  ASSERT_TRUE(none.ok());
  EXPECT_TRUE(none->logits.values.empty());
}

TEST_P(BackendContract, GivesASequenceTheSameLogitsInAnyBatchChunkingAndThreadCount) {
  const auto alone = open(1);
  ASSERT_NE(alone, nullptr);
  std::vector<std::unique_ptr<Backend>> mixed;
  mixed.push_back(open(1));
  if (!is_interpreted()) mixed.push_back(open(2));
  for (unsigned seed = 0; seed < (is_interpreted() ? 1U : 6U); ++seed) {
    std::mt19937 random(seed);
    const auto sequences = is_interpreted() ? random_sequences(3, 100, *alone, random)
                                            : random_sequences(6, 180, *alone, random);
    std::vector<TestLogits> expected;
    for (TestSequence sequence : sequences) {
      expected.push_back(run_alone(*alone, sequence, static_cast<int>(sequence.tokens.size())));
    }
    for (const auto& backend : mixed) {
      ASSERT_NE(backend, nullptr);
      const auto actual = run_mixed(*backend, sequences, random);
      for (size_t i = 0; i < sequences.size(); ++i) {
        SCOPED_TRACE(testing::Message() << "seed " << seed << ", sequence " << i);
        expect_equal(actual[i], expected[i], exactness(*backend), "mixed");
      }
    }
  }
}

// Runs of some tokens of a sequence and some that are none of it, which the next run writes over.
TEST_P(BackendContract, TokensOfADraftThatWasWrongLeaveNothingBehind) {
  const auto alone = open(1);
  const auto drafting = open(2);
  ASSERT_NE(alone, nullptr);
  ASSERT_NE(drafting, nullptr);
  if (drafting->traits().exactness != Exactness::kBits) GTEST_SKIP() << "nothing is drafted for it";
  std::mt19937 random(17);
  // Programs of devices are interpreted here, which takes a sanitizer half a minute.
  const int sequence_count = kSanitized ? 1 : 3;
  const int tokens_max = kSanitized ? 50 : 150;
  for (TestSequence sequence : random_sequences(sequence_count, tokens_max, *drafting, random)) {
    TestSequence same = sequence;
    const int size = static_cast<int>(sequence.tokens.size());
    const TestLogits expected = run_alone(*alone, same, size);
    TestLogits actual;
    while (sequence.done < size) {
      const int right = std::min(static_cast<int>(random() % 5) + 1, size - sequence.done);
      const int wrong = std::min(static_cast<int>(random() % 5), size - sequence.done - right);
      TestSequence drafted = sequence;
      for (int i = 0; i < wrong; ++i) {
        drafted.tokens[static_cast<size_t>(sequence.done + right + i)] = i + 1;
      }
      TestLogits rows = run_alone(*drafting, drafted, right + wrong);
      ASSERT_GE(rows.size(), static_cast<size_t>(right));
      std::move(rows.begin(), rows.begin() + right, std::back_inserter(actual));
      sequence.done += right;
    }
    expect_same_bits(actual, expected, "behind wrong drafts");
  }
}

TEST_P(BackendContract, GivesTheSameStepTheSameBitsAgain) {
  const auto backend = open(2);
  ASSERT_NE(backend, nullptr);
  if (backend->traits().exactness == Exactness::kTolerance) GTEST_SKIP() << "promises no bits";
  std::mt19937 random(13);
  TestSequence sequence = random_sequences(1, 100, *backend, random)[0];
  TestSequence same = sequence;
  const int count = static_cast<int>(sequence.tokens.size());
  const TestLogits first = run_alone(*backend, sequence, count);
  expect_same_bits(run_alone(*backend, same, count), first, "again");
}

TEST_P(BackendContract, ForgetsWhatBlocksHeldBefore) {
  const auto used = open(1);
  const auto fresh = open(1);
  ASSERT_NE(used, nullptr);
  ASSERT_NE(fresh, nullptr);
  std::mt19937 random(11);
  TestSequence before = random_sequences(1, 1, *used, random)[0];
  before.tokens.assign(64, 9);
  before.prompt_count = 64;
  before.block_table = {0};
  run_alone(*used, before, 64);
  TestSequence sequence{.tokens = {5, 6, 7}, .block_table = {0}, .done = 0};
  TestSequence same = sequence;
  expect_equal(run_alone(*used, sequence, 3), run_alone(*fresh, same, 3), exactness(*used),
               "reused block");
}

// Two sequences that begin alike: the second is computed on the full blocks of the first, as far as
// the backend shares them, beside it and in chunks.
TEST_P(BackendContract, GivesASequenceTheSameLogitsOnBlocksThatAnotherHasComputed) {
  const auto fresh = open(1);
  const auto sharing = open(2);
  ASSERT_NE(fresh, nullptr);
  ASSERT_NE(sharing, nullptr);
  const BlockSharing kind = sharing->traits().sharing;
  if (kind == BlockSharing::kNone) GTEST_SKIP() << "shares nothing";
  const int block_tokens = sharing->traits().block_tokens;
  const bool decodes = kind == BlockSharing::kAll;
  for (unsigned seed = 0; seed < (is_interpreted() ? 1U : 4U); ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    TestSequence first = random_sequences(1, 1, *sharing, random)[0];
    first.block_table = {3, 0, 2};
    first.prompt_count = 3 * block_tokens;
    for (int i = 1; i < 3 * block_tokens - 10; ++i) first.tokens.push_back(10 + i % 7);
    TestSequence second = first;
    second.block_table = {3, 0, 1};
    const int shared = 2 * block_tokens;
    for (int i = shared; i < std::ssize(second.tokens); ++i)
      second.tokens[static_cast<size_t>(i)] = i % 5;
    while (first.done < shared) {
      const int chunk = decodes && first.done % 3 == 0 ? 1 : std::min(50, shared - first.done);
      run_alone(*sharing, first, chunk);
    }
    TestSequence alone = second;
    TestLogits expected = run_alone(*fresh, alone, static_cast<int>(second.tokens.size()));
    expected.erase(expected.begin(), expected.begin() + shared);
    second.done = shared;
    const auto actual = run_mixed(*sharing, {first, second}, random);
    expect_equal(actual[1], expected, exactness(*sharing), "on shared blocks");
  }
}

constexpr const char* kGrouped = "tests/golden/llama/grouped_query_tied";
constexpr const char* kBiased = "tests/golden/llama/multi_query_biases_head_24";

INSTANTIATE_TEST_SUITE_P(
    All, BackendContract,
    testing::Values(
        Subject{"fake", nullptr}, Subject{"cpu_f32", kGrouped, WeightFormat::kF32},
        Subject{"cpu_bf16", kGrouped, WeightFormat::kBf16},
        Subject{"cpu_int8", kGrouped, WeightFormat::kInt8},
        Subject{"cpu_int4", kGrouped, WeightFormat::kInt4},
        Subject{"cpu_f32_odd_head", kBiased, WeightFormat::kF32},
        Subject{"cpu_bf16_odd_head", kBiased, WeightFormat::kBf16},
        Subject{"cpu_int8_odd_head", kBiased, WeightFormat::kInt8},
        Subject{"cpu_f32_kv_int8", kGrouped, WeightFormat::kF32, KvCacheType::kInt8},
        Subject{"cpu_int8_kv_int8_odd_head", kBiased, WeightFormat::kInt8, KvCacheType::kInt8},
        Subject{"cpu_int4_kv_int8", kGrouped, WeightFormat::kInt4, KvCacheType::kInt8},
        Subject{"cpu_int8_llama3", "tests/golden/llama/rope_llama3", WeightFormat::kInt8},
        Subject{"pjrt_f32", kGrouped, WeightFormat::kF32, std::nullopt, "xla"},
        Subject{"pjrt_f32_old_plugin_2_devices", kGrouped, WeightFormat::kF32, std::nullopt, "old",
                2},
        Subject{"pjrt_f32_odd_head", kBiased, WeightFormat::kF32, std::nullopt, "xla"},
        Subject{"pjrt_f32_slots", kGrouped, WeightFormat::kF32, std::nullopt, "neuron"},
        Subject{"pjrt_bf16_slots_4_devices", kGrouped, WeightFormat::kBf16, std::nullopt, "neuron",
                4}),
    [](const auto& subject) { return std::string(subject.param.name); });

}  // namespace
}  // namespace puna

// Batch invariance where attention is cut into pieces, in every format, and across instruction
// sets.

#include <gtest/gtest.h>

#include <cstdlib>
#include <numeric>

#include "backend/cpu/isa.h"
#include "backend/open_backend.h"
#include "backend/test_sequences.h"
#include "model/random_weights.h"

namespace puna {
namespace {

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
    options.cpu().weights = GetParam().weights;
    options.cpu().weight_group = GetParam().weight_group;
    options.cpu().kv_cache_type = GetParam().kv_cache_type;
    options.cpu().thread_count = threads;
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
  TestSequence sequence = random_sequences(1, 1, *whole, random)[0];
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

// What is refused names the flag that helps.

#include "backend/cpu/memory_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "backend/cpu/isa.h"
#include "model/llama_shapes.h"
#include "model/model_sizes.h"
#include "model/random_weights.h"

namespace puna {
namespace {

using testing::HasSubstr;

constexpr int64_t kGigabyte = 1'000'000'000;
constexpr auto kBf16 = KvCacheType::kBf16;

LlamaConfig config() {
  LlamaConfig llama;
  llama.hidden_size = 64;
  llama.intermediate_size = 96;
  llama.num_hidden_layers = 2;
  llama.num_attention_heads = 4;
  llama.num_key_value_heads = 2;
  llama.head_dim = 16;
  llama.vocab_size = 384;
  llama.max_position_embeddings = 512;
  return llama;
}

TEST(MemoryPlan, ABlockHoldsKAndVOfAllLayersAndHeads) {
  // 2 layers, 2 heads, 64 positions, 16 values of K and of V, 2 bytes.
  EXPECT_EQ(kv_block_bytes(config(), kBf16), 2 * 2 * 64 * (16 + 16) * 2);
  EXPECT_EQ(kv_block_bytes(config(), KvCacheType::kF32), 2 * 2 * 64 * (16 + 16) * 4);
}

TEST(MemoryPlan, GivesEverySequenceItsFullLengthWhenMemoryAllows) {
  BackendOptions options;
  options.max_num_seqs = 3;
  const auto limits = choose_limits(options, config(), kBf16, kGigabyte);
  ASSERT_TRUE(limits.ok()) << limits.status().message();
  EXPECT_EQ(limits->max_model_len, 512);
  EXPECT_EQ(limits->block_count, 3 * 8);
}

TEST(MemoryPlan, TakesAtMostHalfOfTheMemoryAndShortensSequences) {
  const int64_t block = kv_block_bytes(config(), kBf16);
  const int64_t step = activation_bytes(config(), 512) + logit_bytes(config(), 512);
  const auto limits = choose_limits(BackendOptions{}, config(), kBf16, 10 * block + step);
  ASSERT_TRUE(limits.ok()) << limits.status().message();
  EXPECT_EQ(limits->block_count, 5);
  EXPECT_EQ(limits->max_model_len, 5 * 64);
}

TEST(MemoryPlan, RefusesALengthThatTheCacheCannotHold) {
  BackendOptions options;
  options.max_model_len = 512;
  options.kv_cache_bytes = 2 * kv_block_bytes(config(), kBf16);
  const auto limits = choose_limits(options, config(), kBf16, kGigabyte);
  EXPECT_EQ(limits.status().code(), StatusCode::kResourceExhausted);
  EXPECT_THAT(limits.status().message(), HasSubstr("--max-model-len 512"));
  EXPECT_THAT(limits.status().message(), HasSubstr("--kv-cache-memory-bytes"));
}

TEST(MemoryPlan, RefusesMoreCacheThanThereIsMemory) {
  BackendOptions options;
  options.kv_cache_bytes = 2 * kGigabyte;
  const auto limits = choose_limits(options, config(), kBf16, kGigabyte);
  EXPECT_THAT(limits.status().message(), HasSubstr("--kv-cache-memory-bytes 2000000000"));
}

// Llama 3's vocabulary: 33 GB of logits alone.
TEST(MemoryPlan, RefusesStepsWhoseLogitsDoNotFit) {
  LlamaConfig large = config();
  large.vocab_size = 128'256;
  BackendOptions options;
  options.step_tokens_max = 65'536;
  const auto limits = choose_limits(options, large, kBf16, 24 * kGigabyte);
  EXPECT_EQ(limits.status().code(), StatusCode::kResourceExhausted);
  EXPECT_THAT(limits.status().message(), HasSubstr("--max-num-batched-tokens 65536"));
  EXPECT_THAT(limits.status().message(), HasSubstr("33.6 GB for logits"));
  EXPECT_TRUE(choose_limits({}, large, kBf16, 24 * kGigabyte).ok());
}

TEST(MemoryPlan, RefusesMorePositionsThanTheModelHas) {
  BackendOptions options;
  options.max_model_len = 513;
  const auto limits = choose_limits(options, config(), kBf16, kGigabyte);
  EXPECT_THAT(limits.status().message(), HasSubstr("--max-model-len 513: expected 0 to 512"));
}

TEST(MemoryPlan, HoldsFloatCheckpointsInAsManyBitsAsLeaveRoom) {
  const auto checkpoint = open_checkpoint("tests/golden/llama/rope_linear");
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status().message();
  const auto roomy = choose_weight_format({}, *checkpoint, kGigabyte);
  ASSERT_TRUE(roomy.ok());
  EXPECT_EQ(*roomy, WeightFormat::kBf16);
  const int64_t parameters = checkpoint->config.parameter_count();
  const auto tight = choose_weight_format({}, *checkpoint, 3 * parameters);
  ASSERT_TRUE(tight.ok());
  EXPECT_EQ(*tight, WeightFormat::kInt8);
  const auto tightest = choose_weight_format({}, *checkpoint, 2 * parameters);
  ASSERT_TRUE(tightest.ok());
  EXPECT_EQ(*tightest, WeightFormat::kInt4);
  CpuOptions options;
  options.weights = WeightFormat::kF32;
  const auto refused = choose_weight_format(options, *checkpoint, 3 * parameters);
  EXPECT_EQ(refused.status().code(), StatusCode::kResourceExhausted);
  EXPECT_THAT(refused.status().message(), HasSubstr("at least, as int4; puna plan says which"));
}

TEST(MemoryPlan, WhatItOffersInsteadOfTooManyBitsCanBeServed) {
  Checkpoint checkpoint;
  checkpoint.config = find_llama_shape("llama-2-7b").value_or(LlamaConfig());
  checkpoint.weights = random_weights(checkpoint.config, 0);
  CpuOptions options;
  options.weights = WeightFormat::kBf16;
  const int64_t free_bytes = 8 * kGigabyte;
  const auto refused = choose_weight_format(options, checkpoint, free_bytes);
  const std::string message = refused.status().message();
  const std::string offer = "--weights int8 --max-model-len ";
  ASSERT_THAT(message, HasSubstr(offer));
  BackendOptions served;
  served.max_model_len = std::stoi(message.substr(message.find(offer) + offer.size()));
  EXPECT_GT(served.max_model_len, 256);
  const int64_t left =
      free_bytes -
      weight_sizes(checkpoint.config, *checkpoint.weights, WeightFormat::kInt8, 64).bytes;
  EXPECT_TRUE(choose_limits(served, checkpoint.config, kBf16, left).ok());
  served.max_model_len += 64;
  EXPECT_FALSE(choose_limits(served, checkpoint.config, kBf16, left).ok()) << "the nearest";
}

// At 4 bits with int8 activations a model of this size says another first word now and then.
TEST(MemoryPlan, HoldsASmallQuantisedCheckpointInBf16WhereMemoryAllows) {
  const auto checkpoint = open_checkpoint("tests/golden/int4/awq_32");
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status().message();
  EXPECT_EQ(choose_weight_format({}, *checkpoint, kGigabyte).value(), WeightFormat::kBf16);
  const int64_t bf16 =
      weight_sizes(checkpoint->config, *checkpoint->weights, WeightFormat::kBf16, 64).bytes;
  EXPECT_EQ(choose_weight_format({}, *checkpoint, 8 * bf16 - 1).value(), WeightFormat::kInt4);
  CpuOptions options;
  options.weights = WeightFormat::kInt4;
  EXPECT_EQ(choose_weight_format(options, *checkpoint, kGigabyte).value(), WeightFormat::kInt4);
}

TEST(MemoryPlan, HoldsALargeQuantisedCheckpointInItsOwnBits) {
  auto checkpoint = open_checkpoint("tests/golden/int4/awq_32");
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status().message();
  checkpoint->config.vocab_size = 2'000'000;  // 512 MB of embedding in bf16
  EXPECT_EQ(choose_weight_format({}, *checkpoint, 1000 * kGigabyte).value(), WeightFormat::kInt4);
}

TEST(MemoryPlan, NeverPutsAMergedAdapterOnAGridOfFourBits) {
  auto checkpoint = open_checkpoint("tests/golden/llama/rope_linear");
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status().message();
  checkpoint->adapters.emplace_back().name = "shop";
  CpuOptions options;
  options.weights = WeightFormat::kInt4;
  const auto format = choose_weight_format(options, *checkpoint, kGigabyte);
  ASSERT_TRUE(format.ok());
  EXPECT_EQ(*format, WeightFormat::kInt8);
}

TEST(Isa, RefusesANameItDoesNotKnow) {
  const char* before = std::getenv("PUNA_ISA");
  const std::string kept = before == nullptr ? "" : before;
  setenv("PUNA_ISA", "sse9", 1);
  const auto isa = choose_isa();
  if (before == nullptr) {
    unsetenv("PUNA_ISA");
  } else {
    setenv("PUNA_ISA", kept.c_str(), 1);
  }
  EXPECT_EQ(isa.status().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(isa.status().message(),
              HasSubstr("PUNA_ISA=sse9: expected portable, avx2, avxvnni, avx512vnni or avx512"));
}

}  // namespace
}  // namespace puna

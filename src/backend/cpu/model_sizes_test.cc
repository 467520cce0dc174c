// What model_sizes.h says is what the backend allocates.

#include "model/model_sizes.h"

#include <gtest/gtest.h>
#include <malloc.h>

#include "backend/cpu/forward.h"
#include "backend/cpu/packing_source.h"
#include "base/sanitized.h"
#include "model/checkpoint.h"
#include "model/random_weights.h"

namespace puna {
namespace {

constexpr WeightFormat kFormats[] = {WeightFormat::kF32, WeightFormat::kBf16, WeightFormat::kInt8,
                                     WeightFormat::kInt4};

TEST(ModelSizes, OfWeightsAreThoseOfPackedMatrices) {
  for (const char* folder :
       {"llama/grouped_query_tied", "llama/multi_head", "llama/multi_query_biases_head_24",
        "int4/awq_32", "int4/gptq_64", "int4/gptq_symmetric_128"}) {
    const auto checkpoint = open_checkpoint(std::string("tests/golden/") + folder);
    ASSERT_TRUE(checkpoint.ok()) << checkpoint.status().message();
    ThreadPool pool(2);
    for (const WeightFormat format : kFormats) {
      for (const int group : {32, 64, 128}) {
        SCOPED_TRACE(fmt::format("{} as {} in groups of {}", folder, describe(format), group));
        PackingSource source(*checkpoint->weights,
                             {.format = format, .group_max = static_cast<size_t>(group)}, pool);
        const auto weights = load_cpu_weights(checkpoint->config, source);
        ASSERT_TRUE(weights.ok()) << weights.status().message();
        const WeightSizes sizes =
            weight_sizes(checkpoint->config, *checkpoint->weights, format, group);
        EXPECT_EQ(sizes.bytes, static_cast<int64_t>(weights->bytes()));
        EXPECT_EQ(sizes.embedding_bytes, static_cast<int64_t>(weights->embedding.bytes()));
      }
    }
  }
}

LlamaConfig config() {
  LlamaConfig llama;
  llama.hidden_size = 1000;
  llama.intermediate_size = 2800;
  llama.num_hidden_layers = 1;
  llama.num_attention_heads = 10;
  llama.num_key_value_heads = 2;
  llama.head_dim = 100;
  llama.vocab_size = 5000;
  llama.max_position_embeddings = 1024;
  return llama;
}

TEST(ModelSizes, OfKvAreThoseOfTheCache) {
  for (const int head_dim : {16, 24, 64, 100, 128}) {
    LlamaConfig llama = config();
    llama.head_dim = head_dim;
    for (const KvCacheType type : {KvCacheType::kF32, KvCacheType::kBf16, KvCacheType::kInt8}) {
      const auto cache = KvCache::allocate(llama, type, 2);
      ASSERT_TRUE(cache.ok());
      EXPECT_EQ(kv_block_bytes(llama, type), static_cast<int64_t>(cache->block_stride()))
          << head_dim << " " << describe(type);
    }
  }
}

// By the allocator's own count, before and after the first step.
TEST(ModelSizes, OfAStepAreWhatAStepAllocates) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer has an allocator of its own";
  constexpr int kTokens = 512;
  const LlamaConfig llama = config();
  const auto weights = random_weights(llama, 1);
  ThreadPool pool(1);
  for (const WeightFormat format : kFormats) {
    PackingSource source(*weights, {.format = format}, pool);
    const auto packed = load_cpu_weights(llama, source);
    auto kv = KvCache::allocate(llama, KvCacheType::kBf16, kTokens / kKvBlockPositions);
    const auto isa = choose_isa();
    ASSERT_TRUE(packed.ok() && kv.ok() && isa.ok());
    Forward forward(llama, *packed, kernels_for(*isa), *kv, pool);
    StepBatch batch;
    batch.tokens.assign(kTokens, 1);
    batch.runs = {
        {.first_token = 0, .token_count = kTokens, .first_position = 0, .block_table = {}}};
    for (int i = 0; i < kTokens / kKvBlockPositions; ++i) batch.runs[0].block_table.push_back(i);
    for (int i = 0; i < kTokens; ++i) batch.wanted_rows.push_back({.token = i});
    const auto allocated = [] {
      const struct mallinfo2 info = mallinfo2();
      return static_cast<double>(info.uordblks + info.hblkhd);
    };
    const double before = allocated();
    forward.run(batch);
    const double expected =
        static_cast<double>(activation_bytes(llama, kTokens) + logit_bytes(llama, kTokens));
    EXPECT_NEAR(allocated() - before, expected, 0.02 * expected) << describe(format);
  }
}

}  // namespace
}  // namespace puna

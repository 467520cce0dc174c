// What models of known sizes take, and what is offered when that is too much.

#include "model/memory_need.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <memory>

#include "model/llama_shapes.h"
#include "model/random_weights.h"

namespace puna {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

struct Model {
  explicit Model(const char* name)
      : config(find_llama_shape(name).value_or(LlamaConfig())),
        weights(random_weights(config, 0)) {}
  MemoryNeed need(const MemoryUse& use) const { return memory_need(config, *weights, use); }
  std::string words(const MemoryUse& use, int64_t bytes) const {
    return nearest_words(config, *weights, use, bytes);
  }

  LlamaConfig config;
  std::shared_ptr<const WeightSource> weights;
};

TEST(MemoryNeed, OfLlama2Is2BytesAWeightAndHalfAMegabyteAPosition) {
  const Model model("llama-2-7b");
  const MemoryNeed need = model.need({.context = 4096});
  EXPECT_NEAR(static_cast<double>(need.weight_bytes), 13.48e9, 0.01e9);  // 6,738,415,616 weights
  EXPECT_EQ(need.kv_bytes, 4096 * int64_t{524288});
  EXPECT_EQ(need.total(), need.weight_bytes + need.kv_bytes + need.scratch_bytes);
}

TEST(MemoryNeed, StreamsThatFitAreThoseWhoseSumDoes) {
  const Model model("llama-2-13b");
  MemoryUse use = {.format = WeightFormat::kInt8, .context = 2000};
  const int64_t bytes = 40'000'000'000;
  use.streams = streams_that_fit(model.config, model.need(use), use, bytes);
  ASSERT_GT(use.streams, 1);
  EXPECT_LE(model.need(use).total(), bytes);
  ++use.streams;
  EXPECT_GT(model.need(use).total(), bytes);
}

TEST(MemoryNeed, AnAbsurdCountIsMoreThanAnything) {
  const Model model("llama-2-70b");
  const MemoryNeed need = model.need({.context = int64_t{1} << 60, .streams = int64_t{1} << 60});
  EXPECT_EQ(need.total(), std::numeric_limits<int64_t>::max());
}

TEST(NearestWords, OfferFewerBitsBeforeAShorterLength) {
  const Model model("llama-2-7b");
  const MemoryUse wanted = {.context = 4096};
  EXPECT_THAT(model.words(wanted, 12'000'000'000), StartsWith("--weights int8 would fit (9."));
  EXPECT_THAT(model.words(wanted, 5'500'000'000), StartsWith("--weights int4 --max-model-len "));
}

TEST(NearestWords, WhatTheyOfferFits) {
  const Model model("llama-2-7b");
  for (int64_t bytes = 1'000'000'000; bytes < 20'000'000'000; bytes += 333'333'333) {
    const auto use = nearest_use(model.config, *model.weights, {.context = 4096}, bytes);
    if (use) {
      EXPECT_LE(model.need(*use).total(), bytes);
      EXPECT_GE(use->context, 256);
    }
  }
}

// The server gives half of what is left to K and V.
TEST(NearestWords, OfferALengthThatFitsIntoThePartForIt) {
  const Model model("llama-2-7b");
  const int64_t bytes = 5'500'000'000;
  const auto whole = nearest_use(model.config, *model.weights, {.context = 4096}, bytes);
  const auto half =
      nearest_use(model.config, *model.weights, {.context = 4096, .kv_part = 2}, bytes);
  ASSERT_TRUE(whole && half);
  EXPECT_LT(half->context, whole->context);
  const MemoryNeed need = model.need(*half);
  EXPECT_LE(need.kv_bytes, (bytes - need.weight_bytes - need.scratch_bytes) / 2);
}

TEST(NearestWords, NameASmallerModelWhenNoFormatFits) {
  const std::string text = Model("llama-2-70b").words({.context = 4096}, 8'000'000'000);
  EXPECT_THAT(text, HasSubstr("at least, as int4; llama-2-13b would fit as int4"));
  EXPECT_THAT(Model("llama-2-70b").words({.context = 4096}, 1000), testing::Not(HasSubstr("fit")));
}

}  // namespace
}  // namespace puna

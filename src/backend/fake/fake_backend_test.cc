// The fake keeps its memory in KV blocks, and limits and text are what tests above count on.

#include "backend/fake/fake_backend.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

namespace puna {
namespace {

TEST(FakeBackend, AWrongBlockTableChangesTheLogits) {
  BackendOptions options;
  options.max_model_len = 256;
  const auto backend = open_fake_backend(options);
  ASSERT_TRUE(backend.ok());
  StepBatch first;
  first.tokens = {65, 66};
  first.runs = {{.token_count = 2, .block_table = {1}}};
  ASSERT_TRUE((*backend)->run(first).ok());
  const auto row_with = [&](int block) {
    StepBatch next;
    next.tokens = {67};
    next.runs = {{.token_count = 1, .first_position = 2, .block_table = {block}}};
    next.wanted_rows = {{.token = 0}};
    const auto result = (*backend)->run(next);
    return std::vector<float>(result->logits.values.begin(), result->logits.values.end());
  };
  EXPECT_EQ(row_with(1), row_with(1));
  EXPECT_NE(row_with(1), row_with(2));
}

// The greedy text after `prompt`, up to the end token or `count_max` tokens.
std::string greedy_text(Backend& backend, const std::string& prompt, int count_max) {
  StepBatch batch;
  batch.tokens.assign(prompt.begin(), prompt.end());
  std::vector<int> block_table(static_cast<size_t>(backend.limits().block_count));
  std::iota(block_table.begin(), block_table.end(), 0);
  std::string text;
  int position = 0;
  for (int i = 0; i < count_max; ++i) {
    const int token_count = static_cast<int>(batch.tokens.size());
    batch.runs = {
        {.token_count = token_count, .first_position = position, .block_table = block_table}};
    batch.wanted_rows = {{.token = token_count - 1}};
    const auto result = backend.run(batch);
    if (!result.ok()) return result.status().message();
    const auto row = result->logits.row(0);
    const auto best = std::max_element(row.begin(), row.end()) - row.begin();
    if (best == kFakeEndToken) return text;
    text += static_cast<char>(best);
    position += token_count;
    batch.tokens = {static_cast<TokenId>(best)};
  }
  return text;
}

TEST(FakeBackend, WritesLettersThatDependOnThePrompt) {
  BackendOptions options;
  options.max_model_len = 128;
  const auto backend = open_fake_backend(options);
  ASSERT_TRUE(backend.ok());
  const std::string text = greedy_text(**backend, "Hello", 40);
  EXPECT_FALSE(text.empty());
  EXPECT_EQ(text.find_first_not_of("abcdefghijklmnopqrstuvwxyz ."), std::string::npos) << text;
  EXPECT_EQ(greedy_text(**backend, "Hello", 40), text);
  EXPECT_NE(greedy_text(**backend, "Hallo", 40), text);
}

TEST(FakeBackend, EndsByItselfUnlessItIsEndless) {
  constexpr int kTokensMax = 1000;
  BackendOptions options;
  options.max_model_len = 2 * kTokensMax;
  for (const char* prompt : {"a", "b", "c", "d", "e"}) {
    options.device = FakeOptions{.is_endless = false};
    EXPECT_LT(greedy_text(**open_fake_backend(options), prompt, kTokensMax).size(), kTokensMax);
    options.device = FakeOptions{.is_endless = true};
    EXPECT_EQ(greedy_text(**open_fake_backend(options), prompt, kTokensMax).size(), kTokensMax);
  }
}

TEST(FakeBackend, TooLittleMemoryForOneSequenceIsAnErrorThatNamesTheFlags) {
  BackendOptions options;
  options.max_model_len = 512;
  options.kv_cache_bytes = 64 * 64;
  EXPECT_NE(open_fake_backend(options).status().message().find("--max-model-len"),
            std::string::npos);
}

}  // namespace
}  // namespace puna

// What an engine keeps of prompts and answers, over the fake backend: it saves work, and changes no
// answer.

#include <gtest/gtest.h>

#include "engine/engine.h"
#include "engine/test_engine.h"

namespace puna {
namespace {

// The first 130 tokens are one of two texts, and the rest is one's own.
std::vector<TokenId> conversation_number(int number) {
  std::vector<TokenId> prompt = prompt_number(number % 2, 130);
  const std::vector<TokenId> rest = prompt_number(number, 5 + 11 * (number % 9));
  prompt.insert(prompt.end(), rest.begin(), rest.end());
  return prompt;
}

TEST(PrefixCache, OutputsAreTheSameWithAndWithoutThePrefixCacheAlsoInTinyMemory) {
  constexpr int kSequences = 24;
  std::vector<std::vector<TokenId>> expected;
  const auto plain = open_engine({.enable_prefix_caching = false});
  for (int i = 0; i < kSequences; ++i) {
    expected.push_back(answer_of(*plain, conversation_number(i), 90));
  }
  EXPECT_EQ(plain->stats().prefix_cache_queries, 0U);
  for (const int64_t bytes : {int64_t{0}, int64_t{8 * 64 * 64}}) {
    const auto engine = open_engine({.kv_cache_bytes = bytes});
    uint64_t prompt_tokens = 0, cached = 0;
    for (int round = 0; round < 2; ++round) {
      std::vector<std::shared_ptr<Recorder>> recorders;
      for (int i = 0; i < kSequences; ++i) {
        recorders.push_back(std::make_shared<Recorder>());
        const auto prompt = conversation_number(i);
        prompt_tokens += prompt.size();
        ASSERT_TRUE(engine->submit(request_of(prompt, recorders.back(), 90)).ok());
      }
      for (size_t i = 0; i < kSequences; ++i) {
        EXPECT_EQ(recorders[i]->wait(), EngineFinish::kLength);
        EXPECT_EQ(recorders[i]->tokens(), expected[i]) << "sequence " << i;
        cached += static_cast<uint64_t>(recorders[i]->cached_tokens());
      }
    }
    const EngineStats stats = engine->stats();
    EXPECT_EQ(stats.prefix_cache_queries, prompt_tokens);
    EXPECT_EQ(stats.prefix_cache_hits, cached);
    EXPECT_GT(cached, 0U);
    EXPECT_EQ(stats.prompt_tokens, prompt_tokens) << "cached or not";
    EXPECT_EQ(stats.blocks_used, 0) << "what is kept for later is not in use";
    EXPECT_GT(stats.blocks_cached, 0);
  }
}

TEST(PrefixCache, TheSecondQuestionOfAConversationReadsOnlyWhatIsNew) {
  const auto engine = open_engine();
  std::vector<TokenId> conversation = prompt_number(1, 200);
  const auto answer = answer_of(*engine, conversation, 60);
  conversation.insert(conversation.end(), answer.begin(), answer.end());
  const auto question = prompt_number(2, 20);
  conversation.insert(conversation.end(), question.begin(), question.end());
  auto recorder = std::make_shared<Recorder>();
  ASSERT_TRUE(engine->submit(request_of(conversation, recorder, 5)).ok());
  recorder->wait();
  EXPECT_EQ(recorder->cached_tokens(), 256) << "prompt and answer of the first, in full blocks";
}

TEST(PrefixCache, APromptThatIsScoredIsComputedWhole) {
  const auto engine = open_engine();
  std::vector<TokenChoice> scored[2];
  for (auto& choices : scored) {
    auto recorder = std::make_shared<Recorder>();
    EngineRequest request = request_of(prompt_number(1, 200), recorder, 2);
    request.sampling.prompt_logprobs = 0;
    ASSERT_TRUE(engine->submit(std::move(request)).ok());
    recorder->wait();
    EXPECT_EQ(recorder->cached_tokens(), 0);
    choices = recorder->prompt_logprobs();
    ASSERT_EQ(choices.size(), 199U);
  }
  for (size_t i = 0; i < 199; ++i) EXPECT_EQ(scored[0][i].logprob, scored[1][i].logprob);
  EXPECT_EQ(engine->stats().prefix_cache_queries, 0U);
  auto reader = std::make_shared<Recorder>();
  ASSERT_TRUE(engine->submit(request_of(prompt_number(1, 200), reader, 2)).ok());
  reader->wait();
  EXPECT_EQ(reader->cached_tokens(), 192) << "its blocks serve others";
}

TEST(PrefixCache, WhatIsPinnedStaysWhateverComesAfter) {
  const auto engine = open_engine({.kv_cache_bytes = 12 * 64 * 64});  // of 8 a sequence may need
  const auto submit = [&](int number, const char* salt, bool pins) {
    auto recorder = std::make_shared<Recorder>();
    EngineRequest request = request_of(prompt_number(number, 200), recorder, pins ? 0 : 2);
    request.pins_prompt = pins;
    request.cache_salt = salt;
    EXPECT_TRUE(engine->submit(std::move(request)).ok());
    recorder->wait();
    return recorder;
  };
  EXPECT_EQ(submit(1, "", true)->end().finish, EngineFinish::kLength);
  EXPECT_EQ(engine->stats().blocks_used, 3);
  for (int number = 2; number < 9; ++number) submit(number, "", false);
  EXPECT_EQ(submit(1, "", false)->cached_tokens(), 192);
  EXPECT_EQ(submit(1, "mine", false)->cached_tokens(), 192) << "it is nobody's secret";
  const auto refused = submit(2, "", true);
  EXPECT_EQ(refused->end().finish, EngineFinish::kError) << "6 of 12 blocks leave no room for 8";
  EXPECT_EQ(refused->end().error.code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(engine->stats().blocks_used, 3);
}

TEST(PrefixCache, OnlyEqualSaltsShareAPrompt) {
  const auto engine = open_engine();
  const auto cached = [&](const char* salt) {
    auto recorder = std::make_shared<Recorder>();
    EngineRequest request = request_of(prompt_number(1, 100), recorder, 2);
    request.cache_salt = salt;
    EXPECT_TRUE(engine->submit(std::move(request)).ok());
    recorder->wait();
    return recorder->cached_tokens();
  };
  EXPECT_EQ(cached("mine"), 0);
  EXPECT_EQ(cached("yours"), 0);
  EXPECT_EQ(cached(""), 0);
  EXPECT_EQ(cached("mine"), 64);
  EXPECT_EQ(cached(""), 64);
}

}  // namespace
}  // namespace puna

// The law of speculation, over the fake backend: with drafts an answer has every bit that it has
// without, whatever it was asked with and whoever is beside it.

#include <gtest/gtest.h>

#include <cmath>

#include "backend/fake/fake_backend.h"
#include "engine/engine.h"
#include "engine/test_engine.h"

namespace puna {
namespace {

constexpr SpeculationOptions kOff = {.is_on = false};
constexpr int kRequests = 24;

// All that the parameters can do to a choice, in turn.
EngineRequest request_number(int number, std::shared_ptr<Recorder> recorder) {
  EngineRequest request = request_of(prompt_number(number % 5, 20 + 13 * (number % 7)),
                                     std::move(recorder), 40 + 7 * number);
  SamplingParams& sampling = request.sampling;
  sampling.seed = static_cast<uint64_t>(number);
  sampling.temperature = number % 3 == 0 ? 0 : 0.8;
  if (number % 4 == 1) sampling.logprobs = 3;
  if (number % 5 == 1) sampling.prompt_logprobs = 1;
  if (number % 6 == 1) sampling.repetition_penalty = 1.02;
  if (number % 6 == 2) sampling.presence_penalty = 0.1;
  if (number % 6 == 3) sampling.frequency_penalty = 0.01;
  if (number % 6 == 4) sampling.top_p = 0.95;
  if (number % 6 == 5) sampling.top_k = 5;
  if (number % 7 == 1) sampling.logit_bias = {{'e', 1.5F}, {' ', 0.5F}};
  if (number % 7 == 2) sampling.bad_words = {{'a', 'b'}, {'k', 'm', 'p'}};
  if (number % 7 == 3) sampling.stop_token_ids = {'q', 'z'};
  if (number % 7 == 4) sampling.min_tokens = 30;
  sampling.ignore_eos = number % 2 == 0;
  return request;
}

struct Answer {
  std::vector<TokenChoice> choices, prompt;
  SequenceEnd end;
};

std::vector<Answer> answers_of(Engine& engine, bool together) {
  std::vector<std::shared_ptr<Recorder>> recorders;
  for (int i = 0; i < kRequests; ++i) {
    recorders.push_back(std::make_shared<Recorder>());
    EXPECT_TRUE(engine.submit(request_number(i, recorders.back())).ok());
    if (!together) recorders.back()->wait();
  }
  std::vector<Answer> answers;
  for (const auto& recorder : recorders) {
    recorder->wait();
    answers.push_back({recorder->choices(), recorder->prompt_logprobs(), recorder->end()});
  }
  return answers;
}

void expect_same(const std::vector<TokenChoice>& one, const std::vector<TokenChoice>& other) {
  ASSERT_EQ(one.size(), other.size());
  for (size_t i = 0; i < one.size(); ++i) {
    EXPECT_EQ(one[i].token, other[i].token) << "token " << i;
    EXPECT_EQ(one[i].logprob, other[i].logprob) << "token " << i;
    EXPECT_EQ(one[i].rank, other[i].rank) << "token " << i;
    EXPECT_EQ(one[i].top, other[i].top) << "token " << i;
  }
}

void expect_same(const std::vector<Answer>& one, const std::vector<Answer>& other) {
  ASSERT_EQ(one.size(), other.size());
  for (size_t i = 0; i < one.size(); ++i) {
    SCOPED_TRACE("answer " + std::to_string(i));
    expect_same(one[i].choices, other[i].choices);
    expect_same(one[i].prompt, other[i].prompt);
    EXPECT_EQ(one[i].end.finish, other[i].end.finish);
    EXPECT_EQ(one[i].end.end_token, other[i].end.end_token);
    if (::testing::Test::HasFailure()) return;
  }
}

TEST(DraftedAnswers, AreThoseWithoutDraftsAloneTogetherAndInTinyMemory) {
  const auto plain = open_engine({.is_repetitive = true, .speculation = kOff});
  const std::vector<Answer> expected = answers_of(*plain, false);
  EXPECT_EQ(plain->stats().drafts, 0U);
  for (const bool together : {false, true}) {
    for (const int64_t bytes : {int64_t{0}, int64_t{8 * 64 * 64}}) {
      for (const bool enable_prefix_caching : {true, false}) {
        const auto engine = open_engine({.kv_cache_bytes = bytes,
                                         .enable_prefix_caching = enable_prefix_caching,
                                         .is_repetitive = true});
        expect_same(answers_of(*engine, together), expected);
        const EngineStats stats = engine->stats();
        EXPECT_EQ(stats.generation_tokens, plain->stats().generation_tokens);
        EXPECT_GT(stats.accepted_tokens, stats.generation_tokens / 10);
        EXPECT_LT(stats.accepted_tokens, stats.draft_tokens) << "some were wrong";
        EXPECT_EQ(stats.blocks_used, 0);
        EXPECT_EQ(stats.preemptions > 0, together && bytes > 0);
        if (!together) {
          EXPECT_LT(stats.steps, plain->stats().steps * 3 / 4);
        }
      }
    }
  }
}

// Also those that were chosen in the last step.
TEST(DraftedAnswers, TheSameBlocksAreCachedAsWithoutDrafts) {
  std::vector<int> cached[2];
  for (const bool is_on : {false, true}) {
    const auto engine = open_engine({.is_repetitive = true, .speculation = {.is_on = is_on}});
    for (int i = 0; i < 20; ++i) {
      std::vector<TokenId> prompt = prompt_number(i, 100);
      const auto answer = answer_of(*engine, prompt, 90 + i);
      prompt.insert(prompt.end(), answer.begin(), answer.end());
      prompt.push_back(65);
      auto recorder = std::make_shared<Recorder>();
      ASSERT_TRUE(engine->submit(request_of(prompt, recorder, 1)).ok());
      recorder->wait();
      cached[is_on ? 1 : 0].push_back(recorder->cached_tokens());
    }
    EXPECT_EQ(engine->stats().drafts > 0, is_on);
  }
  EXPECT_EQ(cached[0], cached[1]);
}

TEST(DraftedAnswers, EndAtTheModelsLength) {
  std::vector<TokenId> answers[2];
  for (const bool is_on : {false, true}) {
    const auto engine =
        open_engine({.max_model_len = 100, .is_repetitive = true, .speculation = {.is_on = is_on}});
    answers[is_on ? 1 : 0] = answer_of(*engine, prompt_number(1, 30), 400);
    EXPECT_EQ(engine->stats().accepted_tokens > 0, is_on);
  }
  EXPECT_EQ(answers[1].size(), 70U);
  EXPECT_EQ(answers[0], answers[1]);
}

TEST(DraftedAnswers, AStepHasNoMoreTokensThanItMay) {
  const auto engine = open_engine({.max_num_seqs = 2, .step_tokens_max = 3, .is_repetitive = true});
  const auto plain = open_engine({.is_repetitive = true, .speculation = kOff});
  EXPECT_EQ(answer_of(*engine, prompt_number(1), 200), answer_of(*plain, prompt_number(1), 200));
  const EngineStats stats = engine->stats();
  EXPECT_GT(stats.accepted_tokens, 0U);
  EXPECT_EQ(stats.accepted_by_place[2], 0U) << "one token and two that are drafted";
}

TEST(DraftedAnswers, TheLeaversBesideThemChangeNothing) {
  const auto plain = open_engine({.is_repetitive = true, .speculation = kOff});
  const auto engine = open_engine({.is_repetitive = true});
  const auto expected = answer_of(*plain, prompt_number(3, 50), 400);
  auto recorder = std::make_shared<Recorder>();
  ASSERT_TRUE(engine->submit(request_of(prompt_number(3, 50), recorder, 400)).ok());
  for (int i = 0; i < 30; ++i) {
    auto leaver = std::make_shared<Recorder>();
    const auto id = engine->submit(request_of(prompt_number(i, 40), leaver, 400));
    ASSERT_TRUE(id.ok());
    leaver->wait_for_a_token();
    engine->cancel(*id);
  }
  recorder->wait();
  EXPECT_EQ(recorder->tokens(), expected);
}

TEST(DraftedAnswers, CountsAddUp) {
  const auto engine = open_engine({.is_repetitive = true});
  answer_of(*engine, prompt_number(1), 400);
  const EngineStats stats = engine->stats();
  EXPECT_EQ(stats.draft_tokens_max, 16);
  uint64_t sum = 0, before = stats.drafts;
  for (const uint64_t accepted : stats.accepted_by_place) {
    EXPECT_LE(accepted, before) << "a token is right only behind one that is";
    before = accepted;
    sum += accepted;
  }
  EXPECT_EQ(sum, stats.accepted_tokens);
  EXPECT_GT(sum, 0U);
  EXPECT_EQ(stats.generation_tokens, 400U);
}

// Its rows behind a run's first are nonsense in a way that only a draft would see.
class NonsenseBehindDrafts final : public BlockingBackend {
 public:
  explicit NonsenseBehindDrafts(std::unique_ptr<Backend> sound) : sound_(std::move(sound)) {}
  const BackendLimits& limits() const override { return sound_->limits(); }
  const BackendTraits& traits() const override { return sound_->traits(); }
  std::string describe() const override { return sound_->describe(); }

 private:
  Result<StepResult> compute(const StepBatch& batch) override {
    auto result = sound_->run(batch);
    for (size_t i = 1; result.ok() && i < batch.wanted_rows.size(); ++i) {
      if (batch.wanted_rows[i - 1].use == RowUse::kVerifyDraft) result->logits.row(i)[7] = NAN;
    }
    return result;
  }

  std::unique_ptr<Backend> sound_;
};

TEST(DraftedAnswers, WhatFailsBehindADraftIsComputedOnceMoreWithoutOne) {
  const auto plain = open_engine({.is_repetitive = true, .speculation = kOff});
  const auto engine =
      open_engine({}, std::make_unique<NonsenseBehindDrafts>(open_fake({.is_repetitive = true})));
  EXPECT_EQ(answer_of(*engine, prompt_number(1), 200), answer_of(*plain, prompt_number(1), 200));
  EXPECT_EQ(engine->stats().drafts, 1U) << "and that sequence drafts no more";
}

class InexactBackend final : public BlockingBackend {
 public:
  explicit InexactBackend(std::unique_ptr<Backend> sound)
      : sound_(std::move(sound)), traits_(sound_->traits()) {
    traits_.exactness = Exactness::kWithinStep;
  }
  const BackendLimits& limits() const override { return sound_->limits(); }
  const BackendTraits& traits() const override { return traits_; }
  std::string describe() const override { return sound_->describe(); }

 private:
  Result<StepResult> compute(const StepBatch& batch) override { return sound_->run(batch); }

  std::unique_ptr<Backend> sound_;
  BackendTraits traits_;
};

TEST(DraftedAnswers, ABackendThatPromisesNoBitsDraftsNothing) {
  const auto engine =
      open_engine({}, std::make_unique<InexactBackend>(open_fake({.is_repetitive = true})));
  EXPECT_EQ(answer_of(*engine, prompt_number(1), 200).size(), 200U);
  EXPECT_EQ(engine->stats().drafts, 0U);
  EXPECT_EQ(engine->stats().draft_tokens_max, 0);
}

}  // namespace
}  // namespace puna

// The engine over the CPU backend: answers have the same bits alone, together, when memory is so
// short that sequences give way to each other and are computed again, and with drafts.

#include <gtest/gtest.h>

#include "backend/open_backend.h"
#include "engine/test_engine.h"

namespace puna {
namespace {

constexpr int kMaxModelLen = 256;

struct Subject {
  const char* name;
  WeightFormat weights;
  KvCacheType kv_cache_type;
};

// Tokens of an answer, and the log-probabilities of its prompt and of itself.
struct Answer {
  std::vector<TokenId> tokens;
  std::vector<double> logprobs;
  bool operator==(const Answer&) const = default;
};

class CpuEngine : public testing::TestWithParam<Subject> {
 protected:
  void SetUp() override {
    auto opened = open_checkpoint("tests/golden/llama/grouped_query_tied");
    ASSERT_TRUE(opened.ok()) << opened.status().message();
    checkpoint_ = std::move(opened).value();
  }

  // `block_count` 0: as many KV blocks as everybody needs.
  std::unique_ptr<Engine> open(int block_count, int step_tokens_max,
                               bool enable_prefix_caching = true, bool speculates = true) {
    BackendOptions options;
    options.cpu().weights = GetParam().weights;
    options.cpu().kv_cache_type = GetParam().kv_cache_type;
    options.cpu().thread_count = 2;
    options.max_model_len = kMaxModelLen;
    options.max_num_seqs = 8;
    options.step_tokens_max = step_tokens_max;
    auto backend = open_measured_backend(options, checkpoint_);
    EXPECT_TRUE(backend.ok()) << backend.status().message();
    if (block_count > 0) {
      options.kv_cache_bytes = block_count * backend.value()->memory().kv_bytes_per_token *
                               backend.value()->traits().block_tokens;
      backend = open_measured_backend(options, checkpoint_);
      EXPECT_TRUE(backend.ok()) << backend.status().message();
    }
    return open_engine({.max_num_seqs = 8,
                        .step_tokens_max = step_tokens_max,
                        .enable_prefix_caching = enable_prefix_caching,
                        .speculation = {.is_on = speculates}},
                       std::move(backend).value());
  }

  static EngineRequest request(int number, std::shared_ptr<Recorder> recorder) {
    EngineRequest one = request_of(prompt_number(number, 20 + 23 * number), std::move(recorder));
    one.sampling.logprobs = 2;
    one.sampling.prompt_logprobs = number % 2 == 0;
    return one;
  }

  static Answer answer(Recorder& recorder) {
    EXPECT_EQ(recorder.wait(), EngineFinish::kLength) << recorder.end().error.message();
    Answer answer;
    answer.tokens = recorder.tokens();
    for (const TokenChoice& one : recorder.prompt_logprobs())
      answer.logprobs.push_back(one.logprob);
    for (const TokenChoice& one : recorder.choices()) answer.logprobs.push_back(one.logprob);
    return answer;
  }

  Checkpoint checkpoint_;
};

TEST_P(CpuEngine, AnswersHaveTheSameBitsAloneTogetherAndAfterPreemption) {
  constexpr int kRequests = 8;
  std::vector<Answer> alone;
  const auto roomy = open(0, 512);
  for (int i = 0; i < kRequests; ++i) {
    auto recorder = std::make_shared<Recorder>();
    ASSERT_TRUE(roomy->submit(request(i, recorder)).ok());
    alone.push_back(answer(*recorder));
  }
  // One sequence of full length, so that most have to give way; and steps that cut every prompt.
  const auto tiny = open(kMaxModelLen / 64, 24);
  std::vector<std::shared_ptr<Recorder>> recorders;
  for (int i = 0; i < kRequests; ++i) {
    recorders.push_back(std::make_shared<Recorder>());
    ASSERT_TRUE(tiny->submit(request(i, recorders.back())).ok());
  }
  for (size_t i = 0; i < kRequests; ++i) EXPECT_EQ(answer(*recorders[i]), alone[i]) << i;
  EXPECT_GT(tiny->stats().preemptions, 0U);
  EXPECT_EQ(tiny->stats().blocks_used, 0);
}

// Conversations: one beginning, each with a text and a further question of its own, whose prompt is
// all that was said before.
TEST_P(CpuEngine, AnswersHaveTheSameBitsWithAndWithoutThePrefixCache) {
  std::vector<Answer> expected;
  for (const bool enable_prefix_caching : {false, true}) {
    const auto engine = open(0, 40, enable_prefix_caching);
    std::vector<Answer> answers;
    int cached = 0;
    for (int i = 0; i < 6; ++i) {
      std::vector<TokenId> prompt = prompt_number(0, 70);
      for (int turn = 0; turn < 2; ++turn) {
        const auto question = prompt_number(i + turn, 7 + i);
        prompt.insert(prompt.end(), question.begin(), question.end());
        auto recorder = std::make_shared<Recorder>();
        EngineRequest one = request_of(prompt, recorder, 61);
        one.sampling.logprobs = 2;
        ASSERT_TRUE(engine->submit(std::move(one)).ok());
        answers.push_back(answer(*recorder));
        prompt.insert(prompt.end(), answers.back().tokens.begin(), answers.back().tokens.end());
        cached += recorder->cached_tokens();
      }
    }
    EXPECT_EQ(cached, enable_prefix_caching ? 5 * 64 + 6 * 128 : 0);
    if (!enable_prefix_caching) expected = answers;
    EXPECT_TRUE(answers == expected);
  }
}

// Answers of few letters, which say much twice.
TEST_P(CpuEngine, AnswersHaveTheSameBitsWithAndWithoutDrafts) {
  const auto few_letters = [](int number, std::shared_ptr<Recorder> recorder) {
    EngineRequest one = request(number, std::move(recorder));
    one.sampling.temperature = number % 3 == 0 ? 0 : 0.7;
    one.sampling.max_tokens = 70;
    one.sampling.allowed_token_ids = {'a', 'b', 'c', 'd'};
    return one;
  };
  std::vector<Answer> expected;
  for (const bool speculates : {false, true}) {
    const auto roomy = open(0, 512, true, speculates);
    const auto tiny = open(kMaxModelLen / 64, 24, true, speculates);
    std::vector<std::shared_ptr<Recorder>> alone, together;
    for (int i = 0; i < 6; ++i) {
      for (auto* recorders : {&alone, &together}) {
        recorders->push_back(std::make_shared<Recorder>());
        Engine& engine = recorders == &alone ? *roomy : *tiny;
        ASSERT_TRUE(engine.submit(few_letters(i, recorders->back())).ok());
      }
      alone.back()->wait();
    }
    std::vector<Answer> answers;
    for (const auto& recorder : alone) answers.push_back(answer(*recorder));
    if (!speculates) expected = answers;
    for (const auto& recorder : together) answers.push_back(answer(*recorder));
    for (size_t i = 0; i < answers.size(); ++i) {
      EXPECT_EQ(answers[i], expected[i % expected.size()]) << i;
    }
    for (const Engine* engine : {roomy.get(), tiny.get()}) {
      EXPECT_EQ(engine->stats().accepted_tokens > 50, speculates);
      EXPECT_EQ(engine->stats().accepted_tokens < engine->stats().draft_tokens, speculates);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, CpuEngine,
                         testing::Values(Subject{"f32", WeightFormat::kF32, KvCacheType::kF32},
                                         Subject{"bf16", WeightFormat::kBf16, KvCacheType::kBf16},
                                         Subject{"int8_kv_int8", WeightFormat::kInt8,
                                                 KvCacheType::kInt8},
                                         Subject{"int4", WeightFormat::kInt4, KvCacheType::kBf16}),
                         [](const auto& subject) { return std::string(subject.param.name); });

}  // namespace
}  // namespace puna

// Requests in, text out, over the fake backend and the byte tokenizer.

#include "generate/generator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "backend/fake/fake_backend.h"
#include "tokenizer/byte_tokenizer.h"

namespace puna {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;

constexpr int kMaxModelLen = 512;

struct Answer {
  std::string text;
  std::vector<TokenId> tokens;
  std::vector<TokenLogprob> logprobs, prompt_logprobs;
  FinishReason finish = FinishReason::kNone;
  std::optional<std::string> stop_reason;
  GenerationUsage usage;
};

// Computes something else every time, as broken memory would.
class DriftingBackend final : public Backend {
 public:
  explicit DriftingBackend(std::unique_ptr<Backend> sound) : sound_(std::move(sound)) {}
  const BackendLimits& limits() const override { return sound_->limits(); }
  std::string describe() const override { return sound_->describe(); }
  Result<StepLogits> run(const StepBatch& batch) override {
    auto logits = sound_->run(batch);
    if (!logits.ok()) return logits;
    drifted_.assign(logits->values.begin(), logits->values.end());
    const auto vocab_size = static_cast<size_t>(limits().vocab_size);
    for (size_t row = 0; row < drifted_.size(); row += vocab_size) {
      drifted_[row + 'a' + next_++ % 26] = 100;
    }
    logits->values = drifted_;
    return logits;
  }

 private:
  std::unique_ptr<Backend> sound_;
  size_t next_ = 0;
  std::vector<float> drifted_;
};

// Computes only while it is open.
class GatedBackend final : public Backend {
 public:
  struct Gate {
    std::atomic<bool> open = false;
    std::atomic<int> entered = 0;
  };
  GatedBackend(std::unique_ptr<Backend> sound, Gate& gate)
      : sound_(std::move(sound)), gate_(gate) {}
  const BackendLimits& limits() const override { return sound_->limits(); }
  std::string describe() const override { return sound_->describe(); }
  Result<StepLogits> run(const StepBatch& batch) override {
    ++gate_.entered;
    gate_.entered.notify_all();
    gate_.open.wait(false);
    return sound_->run(batch);
  }

 private:
  std::unique_ptr<Backend> sound_;
  Gate& gate_;
};

class GeneratorTest : public ::testing::Test {
 protected:
  GeneratorTest() : generator_(open(0)) {}

  static std::unique_ptr<Generator> open(int step_microseconds, int waiting_max = 64) {
    return open(open_backend(step_microseconds), waiting_max);
  }

  static std::unique_ptr<Backend> open_backend(int step_microseconds) {
    BackendOptions backend_options;
    backend_options.name = "fake";
    backend_options.max_model_len = kMaxModelLen;
    backend_options.fake_step_microseconds = step_microseconds;
    auto backend = open_fake_backend(backend_options);
    EXPECT_TRUE(backend.ok()) << backend.status().message();
    return std::move(backend).value();
  }

  static std::unique_ptr<Generator> open(std::unique_ptr<Backend> backend, int waiting_max = 64) {
    static const SteadyClock clock;
    return open(std::move(backend), waiting_max, clock);
  }

  static std::unique_ptr<Generator> open(std::unique_ptr<Backend> backend, int waiting_max,
                                         const Clock& clock) {
    auto tokenizer = make_byte_tokenizer();
    EngineOptions engine_options;
    engine_options.max_num_seqs = 4;
    engine_options.waiting_max = waiting_max;
    engine_options.eos_token_ids = {*tokenizer->eos_id()};
    auto engine = Engine::start(std::move(backend), engine_options, clock);
    EXPECT_TRUE(engine.ok()) << engine.status().message();
    GeneratorOptions options;
    options.model_name = "fake";
    return std::make_unique<Generator>(std::move(tokenizer),
                                       ChatTemplate::built_in("chatml").value(),
                                       std::move(engine).value(), options, clock);
  }

  static GenerationRequest chat(const std::string& text) {
    GenerationRequest request;
    request.prompt = ChatMessages{{"user", text}};
    request.sampling.temperature = 0;
    request.sampling.ignore_eos = true;
    request.sampling.max_tokens = 40;
    request.max_tokens_given = true;
    return request;
  }

  Answer read_all(const GenerationRequest& request) {
    auto stream = generator_->start(request);
    Answer answer;
    EXPECT_TRUE(stream.ok()) << stream.status().message();
    while (stream.ok() && answer.finish == FinishReason::kNone) {
      const GenerationChunk chunk = (*stream)->wait(seconds(10));
      if (chunk.empty()) {
        ADD_FAILURE() << "no chunk within 10 s";
        break;
      }
      answer.text += chunk.text;
      answer.tokens.insert(answer.tokens.end(), chunk.tokens.begin(), chunk.tokens.end());
      answer.logprobs.insert(answer.logprobs.end(), chunk.logprobs.begin(), chunk.logprobs.end());
      answer.prompt_logprobs.insert(answer.prompt_logprobs.end(), chunk.prompt_logprobs.begin(),
                                    chunk.prompt_logprobs.end());
      answer.finish = chunk.finish;
      answer.stop_reason = chunk.stop_reason;
      answer.usage = (*stream)->usage();
    }
    return answer;
  }

  Status refusal(const GenerationRequest& request) { return generator_->start(request).status(); }

  bool becomes_idle() const {
    const auto deadline = std::chrono::steady_clock::now() + seconds(10);
    while (std::chrono::steady_clock::now() < deadline) {
      const EngineStats stats = generator_->stats();
      if (stats.sequences_running == 0 && stats.sequences_waiting == 0 && stats.blocks_used == 0) {
        return true;
      }
      std::this_thread::yield();
    }
    return false;
  }

  std::unique_ptr<Generator> generator_;
};

TEST_F(GeneratorTest, AnswersAChat) {
  const Answer answer = read_all(chat("Hello"));
  EXPECT_EQ(answer.finish, FinishReason::kLength);
  EXPECT_EQ(answer.usage.completion_tokens, 40);
  EXPECT_EQ(answer.tokens.size(), 40U);
  EXPECT_FALSE(answer.text.empty());
  const auto prompt = generator_->tokenize(ChatMessages{{"user", "Hello"}}, true);
  EXPECT_EQ(answer.usage.prompt_tokens, static_cast<int>(prompt->size()));
}

TEST_F(GeneratorTest, TheSameSeedGivesTheSameTextWhateverElseRuns) {
  GenerationRequest request = chat("Tell me a story");
  request.sampling.temperature = 1.0;
  request.sampling.seed = 42;
  const Answer alone = read_all(request);
  const auto other = generator_->start(chat("Something else entirely"));
  ASSERT_TRUE(other.ok());
  EXPECT_EQ(read_all(request).text, alone.text);
  request.sampling.seed = 43;
  EXPECT_NE(read_all(request).text, alone.text);
}

TEST_F(GeneratorTest, APromptThatIsTooLongIsRefusedWithBothNumbers) {
  GenerationRequest request = chat("");
  request.prompt = TokenIds(600, 65);
  const Status status = refusal(request);
  EXPECT_EQ(status.code(), StatusCode::kOutOfRange);
  EXPECT_THAT(status.message(), HasSubstr("600 tokens"));
  EXPECT_THAT(status.message(), HasSubstr("512 tokens"));
}

TEST_F(GeneratorTest, MaxTokensThatDoNotFitAreRefusedWithWhatWould) {
  GenerationRequest request = chat("");
  request.prompt = TokenIds(500, 65);
  EXPECT_THAT(refusal(request).message(), HasSubstr("at most 12 tokens"));
  request.max_tokens_given = false;
  EXPECT_EQ(read_all(request).usage.completion_tokens, 12);
}

TEST_F(GeneratorTest, MinTokensAreHeldAgainstTheMaxTokensThatApply) {
  GenerationRequest request = chat("Hello");
  request.sampling.max_tokens = 16;  // a default that nobody asked for
  request.max_tokens_given = false;
  request.sampling.min_tokens = 20;
  EXPECT_GE(read_all(request).usage.completion_tokens, 20);
  request.max_tokens_given = true;
  EXPECT_THAT(refusal(request).message(), ::testing::StartsWith("min_tokens"));
}

TEST_F(GeneratorTest, RefusalsNameTheField) {
  GenerationRequest request = chat("x");
  request.sampling.temperature = 3;
  EXPECT_THAT(refusal(request).message(), ::testing::StartsWith("temperature"));
  request = chat("x");
  request.stop = {""};
  EXPECT_THAT(refusal(request).message(), ::testing::StartsWith("stop"));
  request = chat("x");
  request.prompt = TokenIds{65, 100000};
  EXPECT_THAT(refusal(request).message(), HasSubstr("token id 100000 at index 1"));
  request.prompt = TokenIds{};
  EXPECT_THAT(refusal(request).message(), HasSubstr("empty"));
}

TEST_F(GeneratorTest, AStopStringEndsTheTextBeforeIt) {
  GenerationRequest request = chat("Hello");
  const std::string whole = read_all(request).text;
  ASSERT_GT(whole.size(), 12U);
  const std::string stop = whole.substr(8, 3);
  request.stop = {stop};
  const Answer answer = read_all(request);
  EXPECT_EQ(answer.text, whole.substr(0, whole.find(stop)));
  EXPECT_EQ(answer.finish, FinishReason::kStop);
  EXPECT_EQ(answer.stop_reason, stop);
  request.include_stop_in_output = true;
  EXPECT_EQ(read_all(request).text, whole.substr(0, whole.find(stop)) + stop);
  EXPECT_TRUE(becomes_idle());
}

TEST_F(GeneratorTest, AnAnswerThatEndsAtAStopStringIsCountedAsStopped) {
  generator_ = open(/*step_microseconds=*/1000);
  GenerationRequest request = chat("Hello");
  const std::string whole = read_all(request).text;
  request.sampling.max_tokens = 400;
  request.stop = {whole.substr(8, 3)};
  EXPECT_EQ(read_all(request).finish, FinishReason::kStop);
  EXPECT_TRUE(becomes_idle());
  EXPECT_EQ(generator_->stats().finished_stop, 1U);
  EXPECT_EQ(generator_->stats().finished_cancelled, 0U);
}

TEST_F(GeneratorTest, TheEndTokenIsCountedAndNotShown) {
  GenerationRequest request = chat("Hello");
  request.sampling.ignore_eos = false;
  request.max_tokens_given = false;
  const Answer answer = read_all(request);
  ASSERT_EQ(answer.finish, FinishReason::kStop);
  EXPECT_EQ(answer.tokens.size(), answer.text.size()) << "one a byte";
  EXPECT_EQ(answer.usage.completion_tokens, static_cast<int>(answer.tokens.size()) + 1);
}

TEST_F(GeneratorTest, TokensOfAStopStringDoNotComeOut) {
  GenerationRequest request = chat("Hello");
  const std::string whole = read_all(request).text;
  ASSERT_GT(whole.size(), 12U);
  request.sampling.logprobs = 0;
  request.stop = {whole.substr(8, 3), "#never#"};
  const Answer answer = read_all(request);
  EXPECT_EQ(answer.tokens, TokenIds(answer.text.begin(), answer.text.end()));  // one a byte
  EXPECT_EQ(answer.logprobs.size(), answer.tokens.size());
  EXPECT_EQ(answer.usage.completion_tokens, static_cast<int>(answer.tokens.size()) + 3)
      << "they were computed all the same";
  request.include_stop_in_output = true;
  EXPECT_EQ(read_all(request).tokens.size(), answer.tokens.size() + 3);
  request.stop = {whole.substr(whole.size() - 2) + "#"};  // held back at the end, then shown
  EXPECT_EQ(read_all(request).tokens, TokenIds(whole.begin(), whole.end()));
}

TEST_F(GeneratorTest, LogprobsComeWithTheBytesOfTheirTokens) {
  GenerationRequest request = chat("Hello");
  request.sampling.logprobs = 3;
  const Answer answer = read_all(request);
  ASSERT_EQ(answer.logprobs.size(), answer.tokens.size());
  std::string text;
  for (const TokenLogprob& one : answer.logprobs) {
    text += one.piece;
    EXPECT_LE(one.logprob, 0);
    EXPECT_EQ(one.top.size(), 3U);
    EXPECT_EQ(one.top_pieces.size(), 3U);
    EXPECT_DOUBLE_EQ(one.top[0].second, one.logprob) << "greedy takes the most likely";
  }
  EXPECT_EQ(text, answer.text);
}

TEST_F(GeneratorTest, PromptLogprobsSayThatNothingPredictsTheFirstToken) {
  GenerationRequest request = chat("");
  request.prompt = std::string("abcdef");
  request.sampling.logprobs = 1;
  request.sampling.prompt_logprobs = true;
  const Answer answer = read_all(request);
  ASSERT_EQ(static_cast<int>(answer.prompt_logprobs.size()), answer.usage.prompt_tokens);
  EXPECT_FALSE(answer.prompt_logprobs[0].exists);
  EXPECT_TRUE(answer.prompt_logprobs[1].exists);
  request.prompt = TokenIds{65};
  const Answer shortest = read_all(request);
  ASSERT_EQ(shortest.prompt_logprobs.size(), 1U);
  EXPECT_FALSE(shortest.prompt_logprobs[0].exists);
}

TEST_F(GeneratorTest, LeavingAStreamFreesItsBlocks) {
  generator_ = open(1000);
  {
    const auto stream = generator_->start(chat("Hello"));
    ASSERT_TRUE(stream.ok());
    EXPECT_FALSE((*stream)->wait(seconds(10)).empty());
  }
  EXPECT_TRUE(becomes_idle());
  EXPECT_EQ(generator_->stats().finished_cancelled, 1U);
}

TEST_F(GeneratorTest, CancellingEndsAStreamWithWhatItHas) {
  generator_ = open(1000);
  const auto stream = generator_->start(chat("Hello"));
  ASSERT_TRUE(stream.ok());
  (*stream)->cancel();
  GenerationChunk chunk;
  while (chunk.finish == FinishReason::kNone) chunk = (*stream)->wait(seconds(10));
  EXPECT_EQ(chunk.finish, FinishReason::kCancelled);
  EXPECT_TRUE((*stream)->poll().empty()) << "nothing comes after the last chunk";
}

TEST_F(GeneratorTest, AReaderIsWokenFromTheEnginesThread) {
  const auto stream = generator_->start(chat("Hello"));
  ASSERT_TRUE(stream.ok());
  std::atomic<int> wakes = 0;
  (*stream)->on_ready([&] { ++wakes; });
  const auto deadline = std::chrono::steady_clock::now() + seconds(10);
  while (wakes == 0 && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  EXPECT_GE(wakes, 1);
  EXPECT_FALSE((*stream)->poll().empty());
}

TEST_F(GeneratorTest, AFullQueueIsRefusedAtOnce) {
  generator_ = open(20000, /*waiting_max=*/1);
  std::vector<std::unique_ptr<GenerationStream>> streams;
  Status refused;
  for (int i = 0; i < 8 && refused.ok(); ++i) {
    auto stream = generator_->start(chat("Hello"));
    if (stream.ok()) {
      streams.push_back(std::move(stream).value());
    } else {
      refused = stream.status();
    }
  }
  EXPECT_EQ(refused.code(), StatusCode::kResourceExhausted);
  EXPECT_GE(generator_->retry_after_seconds(), 1);
}

TEST_F(GeneratorTest, AFullQueueIsRefusedBeforeAnyoneLooksAtTheText) {
  GatedBackend::Gate gate;
  generator_ = open(std::make_unique<GatedBackend>(open_backend(0), gate), /*waiting_max=*/0);
  Admission all;
  ASSERT_TRUE(generator_->admit(4, all).ok());
  GenerationRequest wrong = chat("");
  wrong.prompt = TokenIds{-1};
  EXPECT_EQ(refusal(wrong).code(), StatusCode::kResourceExhausted);
  all = Admission();
  EXPECT_EQ(refusal(wrong).code(), StatusCode::kInvalidArgument);
  gate.open = true;
}

TEST_F(GeneratorTest, ATextThatIsTooLongInBytesIsNotTokenized) {
  GenerationRequest request = chat(std::string(20000, 'a'));
  const Status status = refusal(request);
  EXPECT_EQ(status.code(), StatusCode::kOutOfRange);
  EXPECT_THAT(status.message(), HasSubstr("bytes, and this model's maximum length is 512 tokens"));
  request.prompt = std::string(20000, 'a');
  EXPECT_THAT(refusal(request).message(), HasSubstr("20000 bytes"));
  EXPECT_TRUE(generator_->tokenize(std::string(20000, 'a'), false).ok()) << "counting is no prompt";
}

TEST_F(GeneratorTest, ChoicesShareOnePrompt) {
  const GenerationRequest request = chat("Hello");
  Admission admission;
  ASSERT_TRUE(generator_->admit(2, admission).ok());
  const auto prompt = generator_->make_prompt(request);
  ASSERT_TRUE(prompt.ok());
  const auto first = generator_->start(request, *prompt, admission);
  const auto second = generator_->start(request, *prompt, admission);
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(admission.places(), 0);
  EXPECT_EQ(&(*first)->prompt_tokens(), &(*second)->prompt_tokens());
}

TEST_F(GeneratorTest, RetryAfterIsTheTimeInASlotAndNotInTheQueue) {
  ManualClock clock;
  GatedBackend::Gate gate;
  generator_ = open(std::make_unique<GatedBackend>(open_backend(0), gate), 64, clock);
  const auto stream = generator_->start(chat("Hello"));
  ASSERT_TRUE(stream.ok());
  gate.entered.wait(0);
  clock.advance(seconds(30));
  gate.open = true;
  gate.open.notify_all();
  while ((*stream)->wait(seconds(10)).finish == FinishReason::kNone) {
  }
  EXPECT_EQ(generator_->retry_after_seconds(), 30);
  EXPECT_EQ((*stream)->timings().total, seconds(30)) << "by the clock that was given";
}

TEST_F(GeneratorTest, NothingNewIsTakenWhileDraining) {
  generator_->drain(seconds(1));
  EXPECT_EQ(refusal(chat("x")).code(), StatusCode::kUnavailable);
}

TEST_F(GeneratorTest, TextFromAUserNeverBecomesAControlToken) {
  const auto special = generator_->tokenize(ChatMessages{{"user", "<|im_end|>"}}, true);
  const auto harmless = generator_->tokenize(ChatMessages{{"user", "x"}}, true);
  ASSERT_TRUE(special.ok() && harmless.ok());
  const auto control_tokens = [](const std::vector<TokenId>& ids) {
    return std::count_if(ids.begin(), ids.end(), [](TokenId id) { return id >= 256; });
  };
  EXPECT_GT(control_tokens(*harmless), 0);
  EXPECT_EQ(control_tokens(*special), control_tokens(*harmless));
}

TEST_F(GeneratorTest, TokenizingAndBackIsTheSameText) {
  const std::string text = "Grüße, 世界 👋";
  const auto ids = generator_->tokenize(text, false);
  ASSERT_TRUE(ids.ok());
  EXPECT_EQ(generator_->detokenize(*ids).value(), text);
  EXPECT_FALSE(generator_->detokenize(std::vector<TokenId>{-1}).ok());
}

TEST_F(GeneratorTest, KnowsItsOwnAnswer) {
  EXPECT_TRUE(generator_->known_answer_check().ok());
  const auto other = generator_->start(chat("Hello"));
  EXPECT_TRUE(generator_->known_answer_check().ok()) << "whatever else runs";
}

TEST_F(GeneratorTest, KnowsItsOwnAnswerWithAQueueOfOne) {
  generator_ = open(0, 1);
  EXPECT_TRUE(generator_->known_answer_check().ok());
}

TEST_F(GeneratorTest, NoticesABackendThatAnswersDifferentlyThanBefore) {
  generator_ = open(std::make_unique<DriftingBackend>(open_backend(0)));
  EXPECT_EQ(generator_->known_answer_check().code(), StatusCode::kInternal);
}

}  // namespace
}  // namespace puna

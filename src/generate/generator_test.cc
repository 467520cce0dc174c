// Requests in, text out, over the fake backend and the byte tokenizer.

#include "generate/generator.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "generate/test_generator.h"

namespace puna {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;

TEST_F(GeneratorTest, AnswersAChat) {
  const ReadAnswer answer = read_all(chat("Hello"));
  EXPECT_EQ(answer.finish, FinishReason::kLength);
  EXPECT_EQ(answer.usage.completion_tokens, 40);
  EXPECT_EQ(answer.tokens.size(), 40U);
  EXPECT_FALSE(answer.text.empty());
  const auto prompt = generator_->tokenize(ChatMessages{{"user", "Hello"}}, {});
  EXPECT_EQ(answer.usage.prompt_tokens, static_cast<int>(prompt->size()));
}

TEST_F(GeneratorTest, TheSameSeedGivesTheSameTextWhateverElseRuns) {
  GenerationRequest request = chat("Tell me a story");
  request.sampling.temperature = 1.0;
  request.sampling.seed = 42;
  const ReadAnswer alone = read_all(request);
  const auto other = generator_->start(chat("Something else entirely"));
  ASSERT_TRUE(other.ok());
  EXPECT_EQ(read_all(request).text, alone.text);
  request.sampling.seed = 43;
  EXPECT_NE(read_all(request).text, alone.text);
}

TEST_F(GeneratorTest, TheUsageSaysWhatWasNotComputedAgain) {
  const GenerationRequest request = chat(std::string(200, 'x'));
  const ReadAnswer first = read_all(request);
  const ReadAnswer second = read_all(request);
  EXPECT_EQ(first.usage.cached_tokens, 0);
  EXPECT_GE(second.usage.cached_tokens, 192);
  EXPECT_LT(second.usage.cached_tokens, second.usage.prompt_tokens);
  EXPECT_EQ(second.usage.prompt_tokens, first.usage.prompt_tokens);
  EXPECT_EQ(second.text, first.text);
}

TEST_F(GeneratorTest, AWarmBeginningIsThereForTheFirstQuestion) {
  GenerationRequest request = chat("Where is my order?");
  const ChatMessage system = {"system", std::string(200, 'x')};
  const auto warm = generator_->warm(ChatMessages{system});
  ASSERT_TRUE(warm.ok()) << warm.status().message();
  EXPECT_GT(*warm, 200);
  std::get<ChatMessages>(request.prompt)
      .insert(std::get<ChatMessages>(request.prompt).begin(), system);
  const int cached = read_all(request).usage.cached_tokens;
  EXPECT_EQ(cached, *warm / 64 * 64) << "all full blocks of what every conversation has in common";
  const auto question = generator_->warm(std::get<ChatMessages>(request.prompt));
  ASSERT_TRUE(question.ok());
  EXPECT_GT(*question, *warm) << "a conversation that ends with a question, whole";
}

TEST_F(GeneratorTest, WhatCannotBeKeptWarmIsRefused) {
  EXPECT_EQ(generator_->warm(std::string(10'000, 'x')).status().code(), StatusCode::kOutOfRange);
  EXPECT_EQ(generator_->warm(ChatMessages()).status().code(), StatusCode::kInvalidArgument);
}

// A conversation with so many turns before its question.
GenerationRequest long_chat(int turns) {
  GenerationRequest request;
  request.sampling.temperature = 0;
  request.sampling.max_tokens = 20;
  request.max_tokens_given = true;
  ChatMessages messages = {{"system", "You help."}};
  for (int i = 0; i < turns; ++i) {
    messages.push_back({"user", std::string(10, 'q')});
    messages.push_back({"assistant", std::string(10, 'a')});
  }
  messages.push_back({"user", "Where is it?"});
  request.prompt = std::move(messages);
  return request;
}

TEST_F(GeneratorTest, AConversationThatIsTooLongLosesItsOldestTurnsWhenThatIsAskedFor) {
  GenerationRequest request = long_chat(100);
  EXPECT_EQ(generator_->make_prompt(request).status().code(), StatusCode::kOutOfRange);
  request.chat.truncation = Truncation::kDropOldestTurns;
  const auto prompt = generator_->make_prompt(request);
  ASSERT_TRUE(prompt.ok()) << prompt.status().message();
  const int turns_left = 100 - prompt->dropped_messages / 2;
  EXPECT_EQ(prompt->dropped_messages % 2, 0) << "questions go with their answers";
  EXPECT_EQ(*prompt->tokens, *generator_->make_prompt(long_chat(turns_left))->tokens);
  EXPECT_EQ(generator_->make_prompt(long_chat(turns_left + 1)).status().code(),
            StatusCode::kOutOfRange)
      << "no more is dropped than must be";
}

TEST_F(GeneratorTest, AConversationThatFitsKeepsAllTurns) {
  GenerationRequest request = long_chat(1);
  const auto whole = generator_->make_prompt(request);
  request.chat.truncation = Truncation::kDropOldestTurns;
  const auto kept = generator_->make_prompt(request);
  ASSERT_TRUE(whole.ok() && kept.ok());
  EXPECT_EQ(*kept->tokens, *whole->tokens);
  EXPECT_EQ(kept->dropped_messages, 0);
}

TEST_F(GeneratorTest, ANewestTurnThatDoesNotFitIsRefused) {
  GenerationRequest request = long_chat(3);
  std::get<ChatMessages>(request.prompt).back().content = std::string(5000, 'x');
  request.chat.truncation = Truncation::kDropOldestTurns;
  EXPECT_EQ(generator_->make_prompt(request).status().code(), StatusCode::kOutOfRange);
}

TEST_F(GeneratorTest, KeysShareNoPromptsWhenThatIsAskedFor) {
  for (const bool prefix_cache_per_key : {false, true}) {
    static const SteadyClock clock;
    generator_ = open(open_backend(0), 10, clock, 0, prefix_cache_per_key);
    GenerationRequest request = chat(std::string(200, 'x'));
    request.origin.client = 1;
    read_all(request);
    EXPECT_GT(read_all(request).usage.cached_tokens, 0);
    request.origin.client = 2;
    EXPECT_EQ(read_all(request).usage.cached_tokens > 0, !prefix_cache_per_key);
    request.cache_salt = "mine";
    EXPECT_EQ(read_all(request).usage.cached_tokens, 0);
  }
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

TEST_F(GeneratorTest, TheDefaultLengthHoldsForRequestsThatSetNone) {
  static const SteadyClock clock;
  generator_ = open(open_backend(0), 64, clock, /*default_max_tokens=*/30);
  GenerationRequest request = chat("Hello");
  EXPECT_EQ(read_all(request).usage.completion_tokens, 40);
  request.max_tokens_given = false;
  EXPECT_EQ(read_all(request).usage.completion_tokens, 30);
  request.prompt = TokenIds(500, 65);  // less room than the default: no error, nobody asked for it
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
  const ReadAnswer answer = read_all(request);
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

TEST_F(GeneratorTest, AStopStringCountsWhenTheEngineHasGoneOnToTheLastToken) {
  GenerationRequest request = chat("Hello");
  const std::string whole = read_all(request).text;
  request.stop = {whole.substr(8, 3)};
  const auto stream = generator_->start(request);
  ASSERT_TRUE(stream.ok());
  ASSERT_TRUE(becomes_idle()) << "all 40 tokens are there before any is read";
  EXPECT_EQ((*stream)->wait(seconds(10)).finish, FinishReason::kStop);
  EXPECT_EQ(generator_->stats().finished_stop, 1U);
  EXPECT_EQ(generator_->stats().finished_length, 1U) << "the first answer";
}

TEST_F(GeneratorTest, TheEndTokenIsCountedAndNotShown) {
  GenerationRequest request = chat("Hello");
  request.sampling.ignore_eos = false;
  request.max_tokens_given = false;
  const ReadAnswer answer = read_all(request);
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
  const ReadAnswer answer = read_all(request);
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
  const ReadAnswer answer = read_all(request);
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
  const ReadAnswer answer = read_all(request);
  ASSERT_EQ(static_cast<int>(answer.prompt_logprobs.size()), answer.usage.prompt_tokens);
  EXPECT_FALSE(answer.prompt_logprobs[0].exists);
  EXPECT_TRUE(answer.prompt_logprobs[1].exists);
  request.prompt = TokenIds{65};
  const ReadAnswer shortest = read_all(request);
  ASSERT_EQ(shortest.prompt_logprobs.size(), 1U);
  EXPECT_FALSE(shortest.prompt_logprobs[0].exists);
}

TEST_F(GeneratorTest, MuchIsGivenInPiecesAndTheReaderIsWokenForTheRest) {
  GenerationRequest request = chat("");
  request.prompt = TokenIds(300, 'a');
  request.sampling.logprobs = 2;
  request.sampling.prompt_logprobs = 2;
  generator_ = open(/*step_microseconds=*/5000, 1);
  const auto stream = generator_->start(request);
  ASSERT_TRUE(stream.ok());
  std::atomic<int> wakes = 0;
  (*stream)->on_ready([&] { ++wakes; });
  while (wakes.exchange(0) == 0) std::this_thread::yield();
  // The answer comes while the reader is in the middle of the prompt: its wake joins the rest's.
  GenerationChunk chunk = (*stream)->poll();
  size_t of_prompt = chunk.prompt_logprobs.size(), of_answer = chunk.logprobs.size();
  EXPECT_EQ(of_prompt, 64U);
  while (generator_->stats().sequences_running > 0) std::this_thread::yield();
  const auto deadline = std::chrono::steady_clock::now() + seconds(10);
  while (chunk.finish == FinishReason::kNone && std::chrono::steady_clock::now() < deadline) {
    if (wakes.exchange(0) == 0) {
      std::this_thread::yield();
      continue;
    }
    chunk = (*stream)->poll();
    EXPECT_LE(chunk.prompt_logprobs.size() + chunk.logprobs.size(), 100U);
    EXPECT_TRUE(of_answer == 0 || chunk.prompt_logprobs.empty()) << "the prompt comes first";
    of_prompt += chunk.prompt_logprobs.size();
    of_answer += chunk.logprobs.size();
  }
  EXPECT_EQ(of_prompt, 300U);
  EXPECT_EQ(of_answer, 40U);
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

TEST_F(GeneratorTest, TextFromAUserNeverBecomesAControlToken) {
  const auto special = generator_->tokenize(ChatMessages{{"user", "<|im_end|>"}}, {});
  const auto harmless = generator_->tokenize(ChatMessages{{"user", "x"}}, {});
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

}  // namespace
}  // namespace puna

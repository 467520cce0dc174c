// The engine's thread over the fake backend: what goes in comes out, whatever happens meanwhile.

#include "engine/engine.h"

#include <gtest/gtest.h>

#include <cmath>
#include <thread>

#include "backend/fake/fake_backend.h"
#include "engine/test_engine.h"

namespace puna {
namespace {

using std::chrono::seconds;

// Fails steps, or computes nonsense, on demand.
class FragileBackend final : public BlockingBackend {
 public:
  explicit FragileBackend(std::unique_ptr<Backend> sound) : sound_(std::move(sound)) {}
  const BackendLimits& limits() const override { return sound_->limits(); }
  std::string describe() const override { return sound_->describe(); }
  const BackendTraits& traits() const override { return sound_->traits(); }
  static constexpr TokenId kPoison = 99;
  static constexpr TokenId kNonsense = 98;

 private:
  Result<StepResult> compute(const StepBatch& batch) override {
    if (batch.tokens[0] == kPoison) return error(StatusCode::kInternal, "poisoned");
    auto result = sound_->run(batch);
    if (!result.ok() || batch.tokens[0] != kNonsense) return result;
    if (!batch.wanted_rows.empty()) result->logits.values[5] = NAN;
    return result;
  }

  std::unique_ptr<Backend> sound_;
};

TEST(Engine, AnswersUpToMaxTokens) {
  const auto engine = open_engine();
  EXPECT_EQ(answer_of(*engine, prompt_number(1)).size(), 60U);
  EXPECT_EQ(engine->stats().finished_length, 1U);
  EXPECT_EQ(engine->stats().blocks_used, 0);
}

TEST(Engine, AnEndTokenStopsAndIsToldAtTheEnd) {
  const auto engine = open_engine();
  auto recorder = std::make_shared<Recorder>();
  EngineRequest request = request_of(prompt_number(1), recorder, 450);
  request.sampling.ignore_eos = false;
  request.sampling.temperature = 0;
  ASSERT_TRUE(engine->submit(std::move(request)).ok());
  EXPECT_EQ(recorder->wait(), EngineFinish::kStop);
  for (const TokenId token : recorder->tokens()) EXPECT_NE(token, kFakeEndToken);
  EXPECT_EQ(recorder->end().end_token, kFakeEndToken);
  EXPECT_EQ(engine->stats().generation_tokens, recorder->tokens().size() + 1);
}

TEST(Engine, OutputsAreTheSameAloneAndTogetherWithTinyMemoryAndOthersLeaving) {
  constexpr int kSequences = 40;
  std::vector<std::vector<TokenId>> alone;
  const auto roomy = open_engine();
  for (int i = 0; i < kSequences; ++i) {
    alone.push_back(answer_of(*roomy, prompt_number(i, 10 + 9 * i)));
  }
  EngineSettings tiny;
  tiny.kv_cache_bytes = 8 * 64 * 64;  // one sequence at full length
  const auto engine = open_engine(tiny);
  uint64_t prompt_tokens = 0;
  std::vector<std::shared_ptr<Recorder>> recorders, leavers;
  std::vector<SequenceId> leaving;
  for (int i = 0; i < kSequences; ++i) {
    recorders.push_back(std::make_shared<Recorder>());
    ASSERT_TRUE(engine->submit(request_of(prompt_number(i, 10 + 9 * i), recorders.back())).ok());
    prompt_tokens += static_cast<uint64_t>(10 + 9 * i);
    leavers.push_back(std::make_shared<Recorder>());
    const auto id = engine->submit(request_of(prompt_number(i, 30), leavers.back(), 400));
    ASSERT_TRUE(id.ok());
    leaving.push_back(*id);
  }
  leavers[0]->wait_for_a_token();
  for (const SequenceId id : leaving) engine->cancel(id);
  for (const auto& leaver : leavers) leaver->wait();
  for (size_t i = 0; i < kSequences; ++i) {
    EXPECT_EQ(recorders[i]->wait(), EngineFinish::kLength);
    EXPECT_EQ(recorders[i]->tokens(), alone[i]) << "sequence " << i;
  }
  EXPECT_GT(engine->stats().preemptions, 0U);
  EXPECT_GE(engine->stats().prompt_tokens, prompt_tokens);
  EXPECT_LE(engine->stats().prompt_tokens, prompt_tokens + 30 * kSequences) << "counted once";
  EXPECT_EQ(engine->stats().blocks_used, 0);
}

TEST(Engine, APriorityIsRefusedWhereRequestsAreServedInOrder) {
  for (const bool has_priorities : {false, true}) {
    const auto engine = open_engine({.has_priorities = has_priorities});
    auto recorder = std::make_shared<Recorder>();
    EngineRequest request = request_of(prompt_number(1), recorder, 2);
    request.priority = -1;
    const auto id = engine->submit(std::move(request));
    EXPECT_EQ(id.ok(), has_priorities);
    EXPECT_EQ(id.status().code(), has_priorities ? StatusCode::kOk : StatusCode::kInvalidArgument);
    if (has_priorities) recorder->wait();
  }
}

TEST(Engine, CancellingEndsASequenceWithinOneStep) {
  const auto engine = open_engine({.step_microseconds = 2000});
  auto recorder = std::make_shared<Recorder>();
  const auto id = engine->submit(request_of(prompt_number(1), recorder, 400));
  ASSERT_TRUE(id.ok());
  recorder->wait_for_a_token();
  engine->cancel(*id);
  const uint64_t steps = engine->stats().steps;
  EXPECT_EQ(recorder->wait(), EngineFinish::kCancelled);
  EXPECT_LE(engine->stats().steps, steps + 1);
  EXPECT_EQ(engine->stats().blocks_used, 0);
  engine->cancel(*id);  // once more is harmless
  EXPECT_EQ(answer_of(*engine, prompt_number(2), 3).size(), 3U);
}

TEST(Engine, WhatIsFinishedFromOutsideCountsAsItsReasonSays) {
  const auto engine = open_engine({.step_microseconds = 2000});
  auto stopped = std::make_shared<Recorder>();
  auto cancelled = std::make_shared<Recorder>();
  const auto stopped_id = engine->submit(request_of(prompt_number(1), stopped, 400));
  const auto cancelled_id = engine->submit(request_of(prompt_number(2), cancelled, 400));
  ASSERT_TRUE(stopped_id.ok() && cancelled_id.ok());
  stopped->wait_for_a_token();
  engine->finish(*stopped_id, EngineFinish::kStop);
  engine->cancel(*cancelled_id);
  EXPECT_EQ(stopped->wait(), EngineFinish::kStop);
  EXPECT_EQ(stopped->end().end_token, std::nullopt);
  EXPECT_EQ(cancelled->wait(), EngineFinish::kCancelled);
  EXPECT_EQ(engine->stats().finished_stop, 1U);
  EXPECT_EQ(engine->stats().finished_cancelled, 1U);
}

TEST(Engine, ACancelledSequenceNeverWaitsForItsTurn) {
  const auto engine = open_engine({.max_num_seqs = 1, .step_microseconds = 2000});
  auto running = std::make_shared<Recorder>();
  auto waiting = std::make_shared<Recorder>();
  ASSERT_TRUE(engine->submit(request_of(prompt_number(1), running, 400)).ok());
  const auto id = engine->submit(request_of(prompt_number(2), waiting, 400));
  ASSERT_TRUE(id.ok());
  engine->cancel(*id);
  EXPECT_EQ(waiting->wait(), EngineFinish::kCancelled);
  EXPECT_TRUE(waiting->tokens().empty());
}

TEST(Engine, AFailedStepEndsItsSequencesAndNotTheLoop) {
  const auto engine = open_engine({}, std::make_unique<FragileBackend>(open_fake({})));
  auto recorder = std::make_shared<Recorder>();
  ASSERT_TRUE(engine->submit(request_of({FragileBackend::kPoison}, recorder)).ok());
  EXPECT_EQ(recorder->wait(), EngineFinish::kError);
  EXPECT_EQ(recorder->end().error.message(), "poisoned");
  EXPECT_EQ(answer_of(*engine, prompt_number(1), 3).size(), 3U);
  EXPECT_EQ(engine->stats().blocks_used, 0);
}

TEST(Engine, LogitsThatAreNotNumbersEndTheirSequence) {
  const auto engine = open_engine({}, std::make_unique<FragileBackend>(open_fake({})));
  auto recorder = std::make_shared<Recorder>();
  EngineRequest request = request_of({FragileBackend::kNonsense, 65, 66}, recorder);
  request.sampling.prompt_logprobs = true;
  ASSERT_TRUE(engine->submit(std::move(request)).ok());
  EXPECT_EQ(recorder->wait(), EngineFinish::kError);
  EXPECT_NE(recorder->end().error.message().find("NaN"), std::string::npos);
  EXPECT_EQ(answer_of(*engine, prompt_number(1), 3).size(), 3U);
}

TEST(Engine, AWrongRequestIsRefusedBeforeItCanFailAStep) {
  const auto engine = open_engine();
  const auto refusal = [&](const auto& change) {
    EngineRequest request = request_of(prompt_number(1), std::make_shared<Recorder>());
    change(request);
    return engine->submit(std::move(request)).status().code();
  };
  EXPECT_EQ(refusal([](EngineRequest& r) { r.prompt = {}; }), StatusCode::kOutOfRange);
  EXPECT_EQ(refusal([](EngineRequest& r) { r.prompt.assign(512, 65); }), StatusCode::kOutOfRange);
  EXPECT_EQ(refusal([](EngineRequest& r) { r.prompt = {65, 512}; }), StatusCode::kInvalidArgument);
  EXPECT_EQ(refusal([](EngineRequest& r) { r.sampling.stop_token_ids = {512}; }),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(engine->stats().steps, 0U);
}

TEST(Engine, EndTokensOutsideTheVocabularyHaveNoEffect) {
  EngineOptions options;
  options.eos_token_ids = {100000, -1, kFakeEndToken};
  const SteadyClock clock;
  const auto engine = Engine::start(open_fake({}), options, clock);
  ASSERT_TRUE(engine.ok());
  auto recorder = std::make_shared<Recorder>();
  EngineRequest request = request_of(prompt_number(1), recorder);
  request.sampling.min_tokens = 60;
  request.sampling.ignore_eos = false;
  ASSERT_TRUE((*engine)->submit(std::move(request)).ok());
  EXPECT_EQ(recorder->wait(), EngineFinish::kLength);
  EXPECT_EQ(recorder->tokens().size(), 60U);
}

TEST(Engine, AFullQueueIsRefused) {
  const auto engine =
      open_engine({.max_num_seqs = 2, .waiting_max = 3, .step_microseconds = 10000});
  std::vector<std::shared_ptr<Recorder>> recorders;
  for (int i = 0; i < 5; ++i) {
    recorders.push_back(std::make_shared<Recorder>());
    EXPECT_TRUE(engine->submit(request_of(prompt_number(i), recorders.back(), 400)).ok());
  }
  const auto refused = engine->submit(request_of(prompt_number(9), std::make_shared<Recorder>()));
  EXPECT_EQ(refused.status().code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(engine->stats().rejected_queue_full, 1U);
}

TEST(Engine, APlaceIsFreeAsSoonAsItsSequenceIsCancelled) {
  const auto engine =
      open_engine({.max_num_seqs = 1, .waiting_max = 1, .step_microseconds = 200'000});
  const auto submit = [&] {
    return engine->submit(request_of(prompt_number(1), std::make_shared<Recorder>(), 400));
  };
  ASSERT_TRUE(submit().ok());
  const auto waiting = submit();
  ASSERT_TRUE(waiting.ok());
  ASSERT_FALSE(submit().ok());
  engine->cancel(*waiting);
  EXPECT_TRUE(submit().ok()) << "before the step has ended";
  EXPECT_FALSE(submit().ok());
}

TEST(Engine, APlaceIsHeldBeforeThereIsAPrompt) {
  const auto engine = open_engine({.max_num_seqs = 1, .waiting_max = 1});
  Admission admission;
  ASSERT_TRUE(engine->admit(2, admission).ok());
  Admission more;
  EXPECT_EQ(engine->admit(1, more).code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(engine->admit(3, more).code(), StatusCode::kInvalidArgument) << "it would never fit";
  EXPECT_EQ(engine->stats().sequences_waiting, 2);
  auto recorder = std::make_shared<Recorder>();
  ASSERT_TRUE(engine->submit(request_of(prompt_number(1), recorder), admission).ok());
  EXPECT_EQ(recorder->wait(), EngineFinish::kLength);
  EXPECT_EQ(admission.places(), 1);
  admission = Admission();
  EXPECT_TRUE(engine->admit(2, more).ok());
}

TEST(Engine, WhatWasAdmittedBeforeDrainingIsStillAnswered) {
  const auto engine = open_engine();
  Admission admission;
  ASSERT_TRUE(engine->admit(1, admission).ok());
  std::thread draining([&] { engine->drain(seconds(20)); });
  Admission late;
  while (engine->admit(1, late).ok()) late = Admission();  // until it has begun
  auto recorder = std::make_shared<Recorder>();
  EXPECT_TRUE(engine->submit(request_of(prompt_number(1), recorder), admission).ok());
  EXPECT_EQ(recorder->wait(), EngineFinish::kLength);
  draining.join();
}

TEST(Engine, DrainingFinishesWhatRunsAndRefusesWhatComes) {
  const auto engine = open_engine();
  auto recorder = std::make_shared<Recorder>();
  ASSERT_TRUE(engine->submit(request_of(prompt_number(1), recorder)).ok());
  engine->drain(seconds(20));
  EXPECT_EQ(recorder->wait(), EngineFinish::kLength);
  const auto late = engine->submit(request_of(prompt_number(2), std::make_shared<Recorder>()));
  EXPECT_EQ(late.status().code(), StatusCode::kUnavailable);
}

TEST(Engine, DrainingCancelsWhatDoesNotFinishInTime) {
  const auto engine = open_engine({.step_microseconds = 5000});
  auto recorder = std::make_shared<Recorder>();
  ASSERT_TRUE(engine->submit(request_of(prompt_number(1), recorder, 450)).ok());
  engine->drain(std::chrono::milliseconds(20));
  EXPECT_EQ(recorder->wait(), EngineFinish::kCancelled);
}

TEST(Engine, EndingItCancelsEverything) {
  auto recorder = std::make_shared<Recorder>();
  {
    const auto engine = open_engine({.step_microseconds = 2000});
    ASSERT_TRUE(engine->submit(request_of(prompt_number(1), recorder, 400)).ok());
  }
  EXPECT_EQ(recorder->wait(), EngineFinish::kCancelled);
}

TEST(Engine, PromptLogprobsAreOfEveryTokenButTheFirst) {
  const auto engine = open_engine({.step_tokens_max = 8});
  auto recorder = std::make_shared<Recorder>();
  const std::vector<TokenId> prompt = prompt_number(1);
  EngineRequest request = request_of(prompt, recorder, 2);
  request.sampling.prompt_logprobs = true;
  request.sampling.logprobs = 1;
  ASSERT_TRUE(engine->submit(std::move(request)).ok());
  recorder->wait();
  const std::vector<TokenChoice> choices = recorder->prompt_logprobs();
  ASSERT_EQ(choices.size(), prompt.size() - 1);
  for (size_t i = 0; i < choices.size(); ++i) EXPECT_EQ(choices[i].token, prompt[i + 1]);
}

TEST(Engine, PromptLogprobsAreTheSameAfterAPreemptionWithinThePrompt) {
  const std::vector<TokenId> prompt = prompt_number(1, 440);  // 7 of 8 blocks
  const auto ask = [&](Engine& engine) {
    auto recorder = std::make_shared<Recorder>();
    EngineRequest request = request_of(prompt, recorder, 2);
    request.sampling.prompt_logprobs = true;
    EXPECT_TRUE(engine.submit(std::move(request)).ok());
    EXPECT_EQ(recorder->wait(), EngineFinish::kLength);
    std::vector<std::pair<TokenId, double>> logprobs;
    for (const TokenChoice& choice : recorder->prompt_logprobs()) {
      logprobs.emplace_back(choice.token, choice.logprob);
    }
    return logprobs;
  };
  const auto alone = ask(*open_engine());
  ASSERT_EQ(alone.size(), prompt.size() - 1);
  const auto engine =
      open_engine({.step_tokens_max = 16, .kv_cache_bytes = 8 * 64 * 64, .step_microseconds = 500});
  auto older = std::make_shared<Recorder>();  // takes a second block meanwhile
  ASSERT_TRUE(engine->submit(request_of(prompt_number(2, 60), older, 400)).ok());
  EXPECT_EQ(ask(*engine), alone);
  EXPECT_GT(engine->stats().preemptions, 0U);
}

// Says that it has room for less than one sequence.
class CrampedBackend final : public BlockingBackend {
 public:
  const BackendLimits& limits() const override { return limits_; }
  const BackendTraits& traits() const override { return traits_; }
  std::string describe() const override { return "cramped"; }

 private:
  Result<StepResult> compute(const StepBatch&) override { return StepResult(); }

  const BackendTraits traits_;
  const BackendLimits limits_ = {.block_count = 1,
                                 .step_tokens_max = 64,
                                 .step_runs_max = 8,
                                 .vocab_size = 512,
                                 .max_model_len = 512};
};

TEST(Engine, TooLittleMemoryForOneSequenceIsAnErrorThatNamesTheFlags) {
  const SteadyClock clock;
  const auto engine = Engine::start(std::make_unique<CrampedBackend>(), {}, clock);
  EXPECT_EQ(engine.status().code(), StatusCode::kResourceExhausted);
  EXPECT_NE(engine.status().message().find("--max-model-len"), std::string::npos);
}

}  // namespace
}  // namespace puna

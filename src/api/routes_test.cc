// Routes and answers without a network: a generator over the fake backend, polled by the test.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "api/test_routes.h"

namespace puna {
namespace {

using ::testing::HasSubstr;

// Computes until it is told to fail, as a device that breaks would.
class BreakableBackend final : public BlockingBackend {
 public:
  BreakableBackend(std::unique_ptr<Backend> sound, const std::atomic<bool>& broken)
      : sound_(std::move(sound)), broken_(broken) {}
  const BackendLimits& limits() const override { return sound_->limits(); }
  const BackendTraits& traits() const override { return sound_->traits(); }
  std::string describe() const override { return sound_->describe(); }

 private:
  Result<StepResult> compute(const StepBatch& batch) override {
    if (!broken_) return sound_->run(batch);
    return error(StatusCode::kInternal, "the device is gone");
  }

  std::unique_ptr<Backend> sound_;
  const std::atomic<bool>& broken_;
};

// Computes until it is lost for ever.
class LosableBackend final : public BlockingBackend {
 public:
  LosableBackend(std::unique_ptr<Backend> sound, const std::atomic<bool>& lost)
      : sound_(std::move(sound)), lost_(lost) {}
  const BackendLimits& limits() const override { return sound_->limits(); }
  const BackendTraits& traits() const override { return sound_->traits(); }
  std::string describe() const override { return sound_->describe(); }
  Status health() const override {
    if (!lost_) return {};
    return error(StatusCode::kInternal, "the device fell out of its slot");
  }

 private:
  Result<StepResult> compute(const StepBatch& batch) override {
    RETURN_IF_ERROR(health());
    return sound_->run(batch);
  }

  std::unique_ptr<Backend> sound_;
  const std::atomic<bool>& lost_;
};

const std::atomic<bool> kNeverBroken = false;

std::shared_ptr<Generator> open_generator(const std::atomic<bool>& broken = kNeverBroken,
                                          int step_microseconds = 0) {
  return open_generator(std::make_unique<BreakableBackend>(open_fake(step_microseconds), broken));
}

TEST(Routes, BeforeTheModelIsThereOnlyHealthIsOk) {
  Routes routes(ApiOptions{});
  EXPECT_EQ(handle(routes, get("/health")).reply.status, 200);
  EXPECT_EQ(handle(routes, get("/ready")).reply.status, 503);
  EXPECT_EQ(handle(routes, post("/v1/chat/completions", kWhole)).reply.status, 503);
  routes.set_generator(open_generator());
  EXPECT_EQ(handle(routes, get("/ready")).reply.status, 200);
  EXPECT_EQ(handle(routes, post("/v1/chat/completions", kWhole)).reply.status, 200);
}

TEST(Routes, AnAnswerHasABoundOnItsLogProbabilities) {
  Routes routes(ApiOptions{});
  routes.set_generator(open_generator());
  const Sent sent = handle(
      routes, post("/v1/chat/completions",
                   R"({"messages": [{"role": "user", "content": "a"}], "n": 128, "logprobs": true,
                       "top_logprobs": 20, "max_tokens": 400})"));
  EXPECT_EQ(sent.reply.status, 400);
  EXPECT_THAT(sent.reply.body, HasSubstr("1075200"));
  EXPECT_THAT(sent.reply.body, HasSubstr("524288"));
}

TEST(Routes, ADrainingServerBeginsNothing) {
  Routes routes(ApiOptions{});
  routes.set_generator(open_generator());
  routes.begin_drain();
  const Sent sent = handle(routes, post("/v1/chat/completions", kWhole));
  EXPECT_EQ(sent.reply.status, 503);
  EXPECT_EQ(handle(routes, get("/ready")).reply.status, 503);
  EXPECT_EQ(handle(routes, get("/health")).reply.status, 200);
}

TEST(Routes, AServerThatCannotComputeAnyMoreIsNeitherReadyNorHealthyAndSaysWhy) {
  std::atomic<bool> lost = false;
  Routes routes(ApiOptions{});
  routes.set_generator(open_generator(std::make_unique<LosableBackend>(open_fake(), lost)));
  EXPECT_EQ(handle(routes, get("/health")).reply.status, 200);
  lost = true;
  for (const char* path : {"/health", "/ready", "/v1/models"}) {
    const Sent sent = handle(routes, get(path));
    EXPECT_EQ(sent.reply.status, 503) << path;
    EXPECT_THAT(sent.reply.body, HasSubstr("the device fell out of its slot"));
    EXPECT_THAT(sent.reply.body, HasSubstr(R"("code":"unhealthy")"));
  }
  EXPECT_EQ(handle(routes, post("/v1/chat/completions", kWhole)).reply.status, 503);
  EXPECT_EQ(handle(routes, get("/metrics")).reply.status, 200);
}

TEST(Routes, AFailureBeforeTheFirstTokenIsAStatus) {
  for (const std::string& body : {kStream, kWhole}) {
    const std::atomic<bool> broken = true;
    Routes routes(ApiOptions{});
    routes.set_generator(open_generator(broken));
    const Sent sent = handle(routes, post("/v1/chat/completions", body));
    EXPECT_EQ(sent.reply.status, 500);
    EXPECT_THAT(sent.reply.body, HasSubstr(R"("type":"server_error")"));
    EXPECT_EQ(sent.events, "");
  }
}

TEST(Routes, AFailureInTheMiddleOfAStreamIsAnErrorEvent) {
  std::atomic<bool> broken = false;
  Routes routes(ApiOptions{});
  routes.set_generator(open_generator(broken, kStepMicroseconds));
  const Sent sent =
      handle(routes, post("/v1/chat/completions", kLongStream), [&broken] { broken = true; });
  EXPECT_THAT(sent.events, HasSubstr(R"("role":"assistant")"));
  EXPECT_THAT(sent.events, HasSubstr(R"(data: {"error":{"message":)"));
  EXPECT_TRUE(sent.events.ends_with("\n\ndata: [DONE]\n\n"));
  EXPECT_EQ(sent.events.find(R"("finish_reason":"length")"), std::string::npos);
}

TEST(Routes, AFailureAfterAStreamHasWaitedForLongIsAnErrorEvent) {
  for (const bool streams : {true, false}) {
    const std::atomic<bool> broken = true;
    Routes routes(ApiOptions{});
    routes.set_generator(open_generator(broken));
    const HttpOutcome outcome =
        ask(routes, post("/v1/chat/completions", streams ? kStream : kWhole));
    ReplyStream& answer = *std::get<std::unique_ptr<ReplyStream>>(outcome);
    while (streams && !answer.begin_events()) std::this_thread::yield();  // the text is read first
    ReplyPart part = answer.poll();
    while (!part.last) part = answer.poll();
    EXPECT_EQ(part.reply.has_value(), !streams);
    if (streams) {
      EXPECT_THAT(part.events, HasSubstr(R"(data: {"error":{"message":)"));
    }
  }
}

TEST(Routes, AFailureInTheMiddleOfAWholeAnswerIsNot200) {
  std::atomic<bool> broken = false;
  const auto generator = open_generator(broken, kStepMicroseconds);
  Routes routes(ApiOptions{});
  routes.set_generator(generator);
  std::thread breaker([&] {
    while (generator->stats().generation_tokens < 5) std::this_thread::yield();
    broken = true;
  });
  const Sent sent = handle(routes, post("/v1/chat/completions", kLongWhole));
  breaker.join();
  EXPECT_EQ(sent.reply.status, 500);
}

TEST(Routes, InferUsesTheSystemPromptOfThePage) {
  ApiOptions options;
  options.page.system_prompt = "You are a fox.";
  const auto generator = open_generator();
  Routes with(options), without(ApiOptions{});
  with.set_generator(generator);
  without.set_generator(generator);
  const HttpRequest request = get("/infer?sentence=a&max_tokens=30&temperature=0");
  EXPECT_NE(handle(with, request).reply.body, handle(without, request).reply.body);
}

TEST(Routes, AnAnswerThatIsDroppedStopsItsGeneration) {
  Routes routes(ApiOptions{});
  const auto generator = open_generator(kNeverBroken, kStepMicroseconds);
  routes.set_generator(generator);
  {
    const HttpOutcome dropped = ask(routes, post("/v1/chat/completions", kLongStream));
  }
  generator->drain(std::chrono::seconds(20));
  EXPECT_EQ(generator->stats().blocks_used, 0);
  EXPECT_EQ(generator->stats().finished_length, 0u);
}

TEST(Routes, UnknownPathsAndMethodsDoNotBecomeLabels) {
  Routes routes(ApiOptions{});
  routes.count(get("/made-up-by-a-client"), 404);
  HttpRequest odd = get("/health");
  odd.method = "MADEUP";
  routes.count(odd, 405);
  const std::string text = handle(routes, get("/metrics")).reply.body;
  EXPECT_THAT(text, HasSubstr(R"({handler="none",method="GET",status="404"} 1)"));
  EXPECT_THAT(text, HasSubstr(R"({handler="/health",method="other",status="405"} 1)"));
}

TEST(Routes, AnswerToForeignNamesOnlyWhenSomethingElseProtectsThem) {
  HttpRequest request = get("/v1/models");
  request.headers = {{"host", "llama2-serve-svc.llama2.svc.cluster.local:8000"}};
  for (const bool insecure_no_auth : {false, true}) {
    ApiOptions options;
    options.insecure_no_auth = insecure_no_auth;
    Routes routes(options);
    routes.set_generator(open_generator());
    EXPECT_EQ(handle(routes, request).reply.status, insecure_no_auth ? 200 : 403);
  }
}

}  // namespace
}  // namespace puna

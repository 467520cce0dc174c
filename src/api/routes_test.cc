// Routes and answers without a network: a generator over the fake backend, polled by the test.

#include "api/routes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <set>
#include <thread>

#include "backend/fake/fake_backend.h"
#include "base/json.h"
#include "tokenizer/byte_tokenizer.h"

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

std::unique_ptr<Backend> open_fake(int step_microseconds = 0) {
  BackendOptions options;
  options.max_model_len = 512;
  options.device = FakeOptions{.step_microseconds = step_microseconds};
  return open_fake_backend(options).value();
}

std::shared_ptr<Generator> open_generator(std::unique_ptr<Backend> backend) {
  static const SteadyClock clock;
  auto tokenizer = make_byte_tokenizer();
  auto engine = Engine::start(std::move(backend), {}, clock).value();
  GeneratorOptions generator_options;
  generator_options.model_name = "fake";
  return std::make_shared<Generator>(std::move(tokenizer), ChatTemplate::built_in("chatml").value(),
                                     std::move(engine), generator_options, clock);
}

std::shared_ptr<Generator> open_generator(const std::atomic<bool>& broken = kNeverBroken,
                                          int step_microseconds = 0) {
  return open_generator(std::make_unique<BreakableBackend>(open_fake(step_microseconds), broken));
}

HttpRequest post(const std::string& target, const std::string& body) {
  HttpRequest request;
  request.method = "POST";
  request.target = target;
  request.headers = {{"host", "localhost"}, {"content-type", "application/json"}};
  request.body = body;
  return request;
}

HttpRequest get(const std::string& target) {
  HttpRequest request;
  request.method = "GET";
  request.target = target;
  request.headers = {{"host", "localhost"}};
  return request;
}

struct Sent {
  HttpReply reply;     // when it was no stream
  std::string events;  // all of them
};

HttpOutcome ask(Routes& routes, HttpRequest request) {
  HttpHeaders headers;
  if (auto refused = routes.early_reply(request, headers)) return std::move(*refused);
  return routes.handle(std::move(request));
}

// `on_events` runs when events have come.
Sent handle(Routes& routes, const HttpRequest& request,
            const std::function<void()>& on_events = nullptr) {
  HttpOutcome outcome = ask(routes, request);
  Sent sent;
  if (auto* reply = std::get_if<HttpReply>(&outcome)) {
    sent.reply = std::move(*reply);
    return sent;
  }
  ReplyStream& answer = *std::get<std::unique_ptr<ReplyStream>>(outcome);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  for (bool last = false; !last;) {
    ReplyPart part = answer.poll();
    sent.events += part.events;
    if (!part.events.empty() && on_events) on_events();
    if (part.reply) sent.reply = std::move(*part.reply);
    last = part.last;
    if (std::chrono::steady_clock::now() > deadline) {
      ADD_FAILURE() << "no end of the answer";
      return sent;
    }
    std::this_thread::yield();
  }
  return sent;
}

const std::string kStream =
    R"({"messages": [{"role": "user", "content": "a"}], "max_tokens": 30, "stream": true,
        "ignore_eos": true})";
const std::string kWhole =
    R"({"messages": [{"role": "user", "content": "a"}], "max_tokens": 30, "ignore_eos": true})";

// As many tokens as fit, slowly enough for a test to act in the middle.
constexpr int kStepMicroseconds = 2000;
const std::string kLongStream =
    R"({"messages": [{"role": "user", "content": "a"}], "stream": true, "ignore_eos": true})";
const std::string kLongWhole =
    R"({"messages": [{"role": "user", "content": "a"}], "ignore_eos": true})";

HttpRequest with_key(HttpRequest request, const std::string& key) {
  if (!key.empty()) request.headers.emplace_back("authorization", "Bearer " + key);
  return request;
}

// Of every way to call `route`, also without the version.
std::vector<HttpRequest> requests_to(const Routes::Answered& route) {
  std::vector<std::string> paths = {std::string(route.path)};
  if (paths[0].ends_with('/')) paths[0] += "fake";
  if (paths[0].starts_with("/v1/")) paths.push_back(paths[0].substr(3));
  std::vector<HttpRequest> all;
  for (const std::string& path : paths) {
    if (route.post) all.push_back(post(path, "{}"));
    if (!route.get) continue;
    all.push_back(get(path));
    all.push_back(get(path));
    all.back().method = "HEAD";
  }
  return all;
}

TEST(Routes, EveryOneWantsTheRightKeyButThoseThatTellNothing) {
  const std::set<std::string_view> open = {"/health", "/ready", "/version", "/openapi.json",
                                           "/docs"};
  ApiOptions options;
  options.authenticator = Authenticator::open({"right"}, "").value();
  Routes routes(options);
  routes.set_generator(open_generator());
  size_t open_count = 0;
  for (const Routes::Answered& route : Routes::answered()) {
    const bool is_open = open.contains(route.path);
    open_count += is_open ? 1 : 0;
    for (const HttpRequest& request : requests_to(route)) {
      for (const char* key : {"", "wrong", "right"}) {
        const int status = handle(routes, with_key(request, key)).reply.status;
        const bool is_let_in = is_open || std::string_view(key) == "right";
        EXPECT_EQ(status == 401, !is_let_in)
            << request.method << " " << request.target << " " << key;
      }
    }
  }
  EXPECT_EQ(open_count, open.size());
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

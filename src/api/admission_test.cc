// Who is let in: every route with every key; who waits, and until when.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "api/test_routes.h"

namespace puna {
namespace {

using ::testing::HasSubstr;

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
  routes.set_generator(open_generator(open_fake()));
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

HttpRequest within(HttpRequest request, const std::string& seconds) {
  request.headers.emplace_back("x-request-timeout", seconds);
  return request;
}

// One answer runs at a time, and the first does not end.
class BusyRoutes : public ::testing::Test {
 protected:
  BusyRoutes() : routes_(ApiOptions{}) {
    EngineOptions options;
    options.max_num_seqs = 1;
    routes_.set_generator(open_generator(open_fake(kStepMicroseconds), options));
    running_ = std::get<std::unique_ptr<ReplyStream>>(ask(routes_, post(kChat, kLongStream)));
    while (running_->poll().events.empty()) std::this_thread::yield();
  }

  static constexpr const char* kChat = "/v1/chat/completions";
  Routes routes_;
  std::unique_ptr<ReplyStream> running_;
};

TEST_F(BusyRoutes, AStreamThatWaitsSaysItsPlaceAndIsAnsweredThen) {
  const Sent sent = handle(routes_, post(kChat, kStream), [this] { running_.reset(); });
  EXPECT_TRUE(sent.events.starts_with(": queue position 1\n\n")) << sent.events.substr(0, 100);
  EXPECT_THAT(sent.events, HasSubstr(R"("finish_reason":"length")"));
}

TEST_F(BusyRoutes, WhoWaitsForTooLongIsToldSo) {
  const Sent whole = handle(routes_, within(post(kChat, kWhole), "0.05"));
  EXPECT_EQ(whole.reply.status, 504);
  EXPECT_THAT(whole.reply.body, HasSubstr(R"("code":"deadline_exceeded")"));
  const Sent stream = handle(routes_, within(post(kChat, kStream), "0.05"));
  EXPECT_TRUE(stream.events.starts_with(": queue position 1\n\n")) << stream.events;
  EXPECT_THAT(stream.events, HasSubstr(R"("code":"deadline_exceeded")"));
}

TEST_F(BusyRoutes, WhoWouldWaitForTooLongIsRefusedAtOnce) {
  const std::string in_a_second =
      R"({"messages": [{"role": "user", "content": "a"}], "timeout": 1e-3})";
  running_.reset();
  EXPECT_EQ(handle(routes_, within(post(kChat, kLongWhole), "0.2")).reply.status, 200);
  running_ = std::get<std::unique_ptr<ReplyStream>>(ask(routes_, post(kChat, kLongStream)));
  while (running_->poll().events.empty()) std::this_thread::yield();
  for (const HttpRequest& request :
       {within(post(kChat, kWhole), "0.001"), post(kChat, in_a_second)}) {
    const Sent sent = handle(routes_, request);
    EXPECT_EQ(sent.reply.status, 503);
    EXPECT_THAT(sent.reply.body, HasSubstr(R"("code":"deadline_too_soon")"));
    EXPECT_THAT(sent.reply.headers, ::testing::Contains(::testing::Pair("Retry-After", "1")));
  }
}

TEST(Routes, AnAnswerWhoseTimeRunsOutIsWhatThereIsOfIt) {
  Routes routes(ApiOptions{});
  routes.set_generator(open_generator(open_fake(kStepMicroseconds)));
  const Sent whole = handle(routes, within(post("/v1/chat/completions", kLongWhole), "0.1"));
  EXPECT_EQ(whole.reply.status, 200);
  EXPECT_THAT(whole.reply.body, HasSubstr(R"("finish_reason":"length","stop_reason":"deadline")"));
  EXPECT_THAT(whole.reply.headers,
              ::testing::Contains(::testing::Pair("X-Puna-Stop-Reason", "deadline")));
  const Sent stream = handle(routes, within(post("/v1/chat/completions", kLongStream), "0.1"));
  EXPECT_THAT(stream.events, HasSubstr(R"("finish_reason":"length","stop_reason":"deadline")"));
  EXPECT_TRUE(stream.events.ends_with("data: [DONE]\n\n"));
  for (const char* wrong : {"0", "-1", "soon", "1s", "inf", "nan", "86401"}) {
    EXPECT_EQ(handle(routes, within(post("/v1/chat/completions", kWhole), wrong)).reply.status, 400)
        << wrong;
  }
}

}  // namespace
}  // namespace puna

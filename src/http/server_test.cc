// Listening and ending. What goes over the wire is tested on the real program (tests/http).

#include "http/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace puna {
namespace {

using ::testing::HasSubstr;

class SilentHandler final : public HttpHandler {
 public:
  std::optional<HttpReply> early_reply(HttpRequest&, HttpHeaders&) override { return std::nullopt; }
  HttpOutcome handle(HttpRequest) override { return HttpReply(); }
  HttpReply error_reply(const HttpError&) override { return {}; }
  void count(const HttpRequest&, int) override {}
  void begin_drain() override { draining_ = true; }
  bool draining() const override { return draining_; }
  void end_answers() override {}

 private:
  std::atomic<bool> draining_ = false;
};

TEST(Server, SaysWhichFlagIsWrong) {
  SilentHandler handler;
  ServerOptions options;
  options.host = "nowhere";
  EXPECT_THAT(Server::open(options, handler).status().message(), HasSubstr("--host nowhere"));
  options.host = "127.0.0.1";
  options.port = 0;
  const auto first = Server::open(options, handler);
  ASSERT_TRUE(first.ok()) << first.status().message();
  options.port = (*first)->port();
  const auto second = Server::open(options, handler);
  EXPECT_EQ(second.status().code(), StatusCode::kAlreadyExists);
  EXPECT_THAT(second.status().message(), HasSubstr(fmt::format("--port {}", options.port)));
}

TEST(Server, EndsWhenAsked) {
  SilentHandler handler;
  ServerOptions options;
  options.port = 0;
  auto server = Server::open(options, handler);
  ASSERT_TRUE(server.ok()) << server.status().message();
  std::thread runner([&] { (*server)->run(); });
  (*server)->request_stop();
  runner.join();
}

}  // namespace
}  // namespace puna

// Listening, limits of time, and ending. What goes over the wire is tested on the real program
// (tests/http).

#include "http/server.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <new>
#include <thread>

namespace puna {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class TestHandler final : public HttpHandler {
 public:
  std::optional<HttpReply> early_reply(HttpRequest&, HttpHeaders&) override { return std::nullopt; }
  HttpOutcome handle(HttpRequest request) override {
    if (request.path() == "/throws") throw std::bad_alloc();
    HttpReply reply;
    if (request.path() == "/large") reply.body = std::string(16 << 20, 'x');
    return reply;
  }
  HttpReply error_reply(const HttpError& error) override {
    HttpReply reply;
    reply.status = error.status;
    reply.body = error.message;
    return reply;
  }
  void count(const HttpRequest&, int) override { ++counted; }
  void begin_drain() override { draining_ = true; }
  bool draining() const override { return draining_; }
  void end_answers() override {}

  std::atomic<int> counted{0};

 private:
  std::atomic<bool> draining_ = false;
};

// A server that answers while it lives.
class RunningServer {
 public:
  explicit RunningServer(const HttpLimits& limits) {
    ServerOptions options;
    options.port = 0;
    options.limits = limits;
    server_ = Server::open(options, handler).value();
    runner_ = std::thread([this] { server_->run(); });
  }
  ~RunningServer() {
    server_->request_stop();
    runner_.join();
  }
  int port() const { return server_->port(); }

  TestHandler handler;

 private:
  std::unique_ptr<Server> server_;
  std::thread runner_;
};

class Client {
 public:
  explicit Client(int port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    const int small = 4096;
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<uint16_t>(port));
    CHECK(::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0,
          "connect");
  }
  ~Client() { ::close(socket_); }

  void send(std::string_view text) const {
    CHECK(::send(socket_, text.data(), text.size(), MSG_NOSIGNAL) > 0, "send");
  }
  // At most `bytes_max`; empty at the end.
  std::string receive(size_t bytes_max = 1 << 16) const {
    std::string text(bytes_max, '\0');
    const ssize_t size = ::recv(socket_, text.data(), text.size(), 0);
    text.resize(size < 0 ? 0 : static_cast<size_t>(size));
    return text;
  }
  std::string receive_all() const {
    std::string all;
    for (std::string piece = receive(); !piece.empty(); piece = receive()) all += piece;
    return all;
  }

 private:
  const int socket_;
};

const std::string kHead = " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n";

TEST(Server, ABodyThatDoesNotGoOnIsTold) {
  HttpLimits limits;
  limits.body = milliseconds(50);
  RunningServer server(limits);
  const Client client(server.port());
  client.send("POST /" + kHead + "Content-Length: 5\r\n\r\nx");
  EXPECT_THAT(client.receive_all(), StartsWith("HTTP/1.1 408"));
}

TEST(Server, AHeaderThatDoesNotEndIsGivenUp) {
  HttpLimits limits;
  limits.header = milliseconds(50);
  RunningServer server(limits);
  const Client client(server.port());
  client.send("GET /");
  EXPECT_EQ(client.receive_all(), "");
}

TEST(Server, AReaderThatStandsStillIsGivenUpAndASlowOneIsNot) {
  HttpLimits limits;
  limits.write = milliseconds(200);
  RunningServer server(limits);
  const Client still(server.port()), slow(server.port());
  still.send("GET /large" + kHead + "\r\n");
  slow.send("GET /large" + kHead + "\r\n");
  size_t received = 0;
  // The slow one goes on until the server has given up the other, and gets all.
  while (server.handler.counted == 0) received += slow.receive(4096).size();
  received += slow.receive_all().size();
  EXPECT_GT(received, size_t{16} << 20);
}

TEST(Server, ARequestThatFindsNoMemoryFailsAlone) {
  RunningServer server(HttpLimits{});
  const Client client(server.port());
  client.send("GET /throws" + kHead + "\r\n");
  EXPECT_THAT(client.receive_all(), StartsWith("HTTP/1.1 503"));
}

TEST(Server, TheLimitOfAllBodiesHoldsOneAtLeast) {
  TestHandler handler;
  ServerOptions options;
  options.port = 0;
  options.limits.total_body_bytes_max = 5;
  EXPECT_THAT(Server::open(options, handler).status().message(),
              HasSubstr("--max-total-body-bytes 5"));
}

TEST(Server, SaysWhichFlagIsWrong) {
  TestHandler handler;
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
  TestHandler handler;
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

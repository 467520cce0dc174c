// Whole runs against a server of this process that answers each request at once, or never.

#include "load/load_run.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string>
#include <thread>

#include "load/support_shop.h"

namespace puna {
namespace {

constexpr std::string_view kAnswer =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
    "data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\n\n"
    "data: {\"choices\":[{\"delta\":{\"content\":\"!\"},\"finish_reason\":\"stop\"}]}\n\n"
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":2}}\n\n"
    "data: [DONE]\n\n";

class TinyServer {
 public:
  explicit TinyServer(bool answers) : listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(listener_, any, size), 0);
    EXPECT_EQ(::listen(listener_, 128), 0);
    EXPECT_EQ(::getsockname(listener_, any, &size), 0);
    port_ = ntohs(address.sin_port);
    if (answers) thread_ = std::thread([this] { serve(); });
  }
  ~TinyServer() {
    ::shutdown(listener_, SHUT_RDWR);
    if (thread_.joinable()) thread_.join();
    ::close(listener_);
  }
  TinyServer(const TinyServer&) = delete;
  TinyServer& operator=(const TinyServer&) = delete;

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

 private:
  // One request on each connection; its body ends with the list of messages.
  void serve() const {
    for (int client = ::accept(listener_, nullptr, nullptr); client >= 0;
         client = ::accept(listener_, nullptr, nullptr)) {
      std::string request;
      std::array<char, 4096> piece;
      while (!request.ends_with("]}")) {
        const ssize_t count = ::recv(client, piece.data(), piece.size(), 0);
        if (count <= 0) break;
        request.append(piece.data(), static_cast<size_t>(count));
      }
      EXPECT_GT(::send(client, kAnswer.data(), kAnswer.size(), MSG_NOSIGNAL), 0);
      ::shutdown(client, SHUT_WR);
      ::close(client);
    }
  }

  const int listener_;
  int port_ = 0;
  std::thread thread_;
};

LoadSettings settings_for(const TinyServer& server) {
  LoadSettings settings;
  settings.url = server.url();
  settings.model = "tiny";
  return settings;
}

constexpr std::chrono::milliseconds kPatience{60000};

TEST(LoadRun, EveryRequestOfBothLoopsIsCountedOnce) {
  for (const bool open_loop : {false, true}) {
    const TinyServer server(true);
    LoadSettings settings = settings_for(server);
    settings.open_loop = open_loop;
    settings.level = LoadProfile(open_loop ? 1000 : 5);
    settings.requests_max = 40;
    const auto run = LoadRun::start(settings, make_support_shop(1));
    ASSERT_TRUE(run.ok()) << run.status().message();
    ASSERT_TRUE((*run)->wait(kPatience));
    const LoadStatistics statistics = (*run)->statistics();
    EXPECT_EQ(statistics.sent, 40);
    EXPECT_EQ(statistics.answered, 40);
    EXPECT_EQ(statistics.output_tokens, 80);
    EXPECT_EQ(statistics.prompt_tokens, 280);
    EXPECT_EQ(statistics.ttft.count(), 40);
    EXPECT_EQ((*run)->progress().in_flight, 0);
    EXPECT_EQ((*run)->progress().pieces, 80);
  }
}

TEST(LoadRun, WhoInterruptsItWaitsForNobody) {
  const TinyServer silent(false);
  LoadSettings settings = settings_for(silent);
  settings.level = LoadProfile(3);
  const auto run = LoadRun::start(settings, make_support_shop(1));
  ASSERT_TRUE(run.ok()) << run.status().message();
  while ((*run)->progress().in_flight < 3) std::this_thread::yield();
  EXPECT_FALSE((*run)->wait(std::chrono::milliseconds(0)));
  (*run)->interrupt();
  ASSERT_TRUE((*run)->wait(kPatience));
  EXPECT_EQ((*run)->statistics().dropped, 3);
}

}  // namespace
}  // namespace puna

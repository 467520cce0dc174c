// Listening, threads and shutdown. Each connection has a strand of its own.

#include "http/server.h"

#include <algorithm>
#include <exception>
#include <thread>

#include "base/log.h"
#include "http/connection.h"

namespace puna {
namespace {

using asio::ip::tcp;
using std::chrono::milliseconds;

constexpr milliseconds kAcceptBackOff{50};  // when file descriptors have run out
constexpr milliseconds kDrainPoll{20};
constexpr int kThreadsMax = 2;

Result<asio::ip::address> parse_host(const std::string& host) {
  boost::system::error_code code;
  const auto address = asio::ip::make_address(host == "localhost" ? "127.0.0.1" : host, code);
  if (!code) return address;
  return invalid_argument(
      "--host {} is not an address; use 127.0.0.1 (this machine), 0.0.0.0 (all) or one of this "
      "machine's addresses",
      host);
}

Status bind_error(const ServerOptions& options, const boost::system::error_code& code) {
  if (code == asio::error::address_in_use) {
    return error(StatusCode::kAlreadyExists,
                 "--port {}: another program listens there; stop it or choose another port "
                 "(0: any free one)",
                 options.port);
  }
  if (code == asio::error::access_denied) {
    return error(StatusCode::kPermissionDenied,
                 "--port {}: this user may not listen there; choose a port from 1024",
                 options.port);
  }
  return invalid_argument("--host {} --port {}: {}", options.host, options.port, code.message());
}

}  // namespace

struct Server::State {
  State(ServerOptions given, HttpHandler& its_handler)
      : options(std::move(given)),
        handler(its_handler),
        io(std::max(1, std::min(options.thread_count, kThreadsMax))),
        acceptor(asio::make_strand(io)) {}

  Status listen();
  asio::awaitable<void> accept_loop();
  asio::awaitable<void> drain();
  void run_thread();

  const ServerOptions options;
  HttpHandler& handler;
  std::atomic<int> busy{0};
  asio::io_context io;  // after what its coroutines use
  tcp::acceptor acceptor;
  int port = 0;
};

Status Server::State::listen() {
  ASSIGN_OR_RETURN(const asio::ip::address address, parse_host(options.host));
  if (options.port < 0 || options.port > 65535) {
    return invalid_argument("--port {} is not from 0 to 65535", options.port);
  }
  const tcp::endpoint endpoint(address, static_cast<uint16_t>(options.port));
  boost::system::error_code code;
  acceptor.open(endpoint.protocol(), code);
  if (!code) acceptor.set_option(tcp::acceptor::reuse_address(true), code);
  if (!code) acceptor.bind(endpoint, code);
  if (!code) acceptor.listen(tcp::acceptor::max_listen_connections, code);
  if (!code) port = acceptor.local_endpoint(code).port();
  return code ? bind_error(options, code) : Status();
}

asio::awaitable<void> Server::State::accept_loop() {
  asio::steady_timer back_off(acceptor.get_executor());
  while (acceptor.is_open()) {
    auto strand = asio::make_strand(io);
    auto [code, socket] = co_await acceptor.async_accept(strand, kNoThrow);
    if (code == asio::error::operation_aborted) co_return;
    if (code) {
      log_warning("cannot accept a connection: {}", code.message());
      back_off.expires_after(kAcceptBackOff);
      co_await back_off.async_wait(kNoThrow);
      continue;
    }
    socket.set_option(tcp::no_delay(true), code);
    const ConnectionContext context{handler, options.max_body_bytes, busy};
    beast::tcp_stream stream(std::move(socket));
    asio::co_spawn(strand, serve_connection(context, std::move(stream)),
                   [](const std::exception_ptr& failure) {
                     if (failure) log_error("a connection ended by an exception");
                   });
  }
}

// Ends the server when nothing is being answered, at the latest after the timeout.
asio::awaitable<void> Server::State::drain() {
  handler.begin_drain();
  boost::system::error_code ignored;
  acceptor.close(ignored);
  const auto deadline = std::chrono::steady_clock::now() + options.shutdown_timeout;
  asio::steady_timer timer(acceptor.get_executor());
  while (busy.load() > 0 && std::chrono::steady_clock::now() < deadline) {
    timer.expires_after(kDrainPoll);
    co_await timer.async_wait(kNoThrow);
  }
  if (busy.load() > 0) log_warning("{} requests cut off by --shutdown-timeout", busy.load());
  io.stop();
}

void Server::State::run_thread() {
  // Nothing above lets an exception out; one of a library must not end the process.
  for (;;) {
    try {
      io.run();
      return;
    } catch (const std::exception& failure) {
      log_error("in the HTTP server: {}", failure.what());
    }
  }
}

Server::Server(std::unique_ptr<State> state) : state_(std::move(state)) {}
Server::~Server() = default;

Result<std::unique_ptr<Server>> Server::open(ServerOptions options, HttpHandler& handler) {
  auto state = std::make_unique<State>(std::move(options), handler);
  RETURN_IF_ERROR(state->listen());
  return std::unique_ptr<Server>(new Server(std::move(state)));
}

int Server::port() const { return state_->port; }

std::string Server::url() const {
  const std::string& host = state_->options.host;
  const bool is_v6 = host.find(':') != std::string::npos;
  return fmt::format("http://{}:{}", is_v6 ? "[" + host + "]" : host, state_->port);
}

void Server::run() {
  State& state = *state_;
  asio::co_spawn(state.acceptor.get_executor(), state.accept_loop(), asio::detached);
  std::vector<std::thread> others;
  for (int i = 1; i < std::min(state.options.thread_count, kThreadsMax); ++i) {
    others.emplace_back([&state] { state.run_thread(); });
  }
  state.run_thread();
  for (std::thread& other : others) other.join();
}

void Server::request_stop() {
  State& state = *state_;
  asio::post(state.acceptor.get_executor(), [&state] {
    asio::co_spawn(state.acceptor.get_executor(), state.drain(), asio::detached);
  });
}

}  // namespace puna

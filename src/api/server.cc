// The listener, its threads, and how they end.

#include "api/server.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "api/auth.h"
#include "api/http_session.h"
#include "base/log.h"

namespace puna {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

constexpr int kConnectionsMax = 8192;
// After the last token, for replies that are still being written.
constexpr std::chrono::seconds kLastRepliesLimit{2};
constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);

Result<tcp::endpoint> find_endpoint(asio::io_context& context, const std::string& host, int port) {
  boost::system::error_code failure;
  tcp::resolver resolver(context);
  const auto found = resolver.resolve(host, std::to_string(port), tcp::resolver::passive, failure);
  if (failure || found.empty()) {
    return invalid_argument(
        "--host {}: no such address ({}); 127.0.0.1 is this machine, 0.0.0.0 "
        "everybody",
        host, failure.message());
  }
  return found.begin()->endpoint();
}

RouteOptions route_options(const ServerOptions& options) {
  RouteOptions routes;
  routes.version = options.version;
  routes.api_keys = options.api_keys;
  routes.allowed_origins = options.allowed_origins;
  // With a key, or open to everybody by choice, names do not matter.
  routes.local_hosts_only = options.api_keys.empty() && !options.insecure_no_auth;
  routes.page = options.page;
  return routes;
}

}  // namespace

struct Server::State {
  explicit State(ServerOptions chosen)
      : options(std::move(chosen)),
        routes(route_options(options)),
        sessions{routes, options.max_body_bytes} {}

  Status listen();
  asio::awaitable<void> accept_all();
  void wait_for_stop();
  bool wait_until_idle(std::chrono::nanoseconds limit) const;

  const ServerOptions options;
  Routes routes;
  SessionContext sessions;
  asio::io_context context;
  tcp::acceptor acceptor{asio::make_strand(context)};
  std::mutex mutex;
  std::condition_variable stop_requested;
  bool stopping = false;  // guarded by mutex, as generator
  std::shared_ptr<Generator> generator;
};

Status Server::State::listen() {
  ASSIGN_OR_RETURN(const tcp::endpoint endpoint,
                   find_endpoint(context, options.host, options.port));
  boost::system::error_code failure;
  acceptor.open(endpoint.protocol(), failure);
  if (!failure) acceptor.set_option(tcp::acceptor::reuse_address(true), failure);
  if (!failure) acceptor.bind(endpoint, failure);
  if (!failure) acceptor.listen(asio::socket_base::max_listen_connections, failure);
  if (!failure) return {};
  if (failure == asio::error::address_in_use) {
    return error(StatusCode::kAlreadyExists,
                 "port {} is in use; stop the other program or choose another one with --port "
                 "(0: any free one)",
                 options.port);
  }
  if (failure == asio::error::access_denied) {
    return error(StatusCode::kPermissionDenied,
                 "port {} needs more rights; choose one above 1023 with --port", options.port);
  }
  return error(StatusCode::kUnavailable, "cannot listen on {} port {}: {}; see --host and --port",
               options.host, options.port, failure.message());
}

asio::awaitable<void> Server::State::accept_all() {
  asio::steady_timer pause(acceptor.get_executor());
  for (;;) {
    auto [failure, socket] = co_await acceptor.async_accept(asio::make_strand(context), kTuple);
    if (sessions.closing || failure == asio::error::operation_aborted) co_return;
    if (failure) {  // out of descriptors, most likely: some will be free in a moment
      log_warning("cannot accept a connection: {}", failure.message());
      pause.expires_after(std::chrono::milliseconds(50));
      co_await pause.async_wait(kTuple);
      continue;
    }
    if (sessions.connections >= kConnectionsMax) {
      log_warning("{} connections are open: another one was closed", kConnectionsMax);
      continue;
    }
    boost::system::error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    const auto executor = socket.get_executor();
    asio::co_spawn(executor, serve_connection(sessions, std::move(socket)), asio::detached);
  }
}

void Server::State::wait_for_stop() {
  std::unique_lock lock(mutex);
  stop_requested.wait(lock, [this] { return stopping; });
}

bool Server::State::wait_until_idle(std::chrono::nanoseconds limit) const {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (sessions.requests > 0 && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return sessions.requests == 0;
}

Result<std::unique_ptr<Server>> Server::open(ServerOptions options) {
  RETURN_IF_ERROR(
      check_exposure(options.host, !options.api_keys.empty(), options.insecure_no_auth));
  auto state = std::make_unique<State>(std::move(options));
  RETURN_IF_ERROR(state->listen());
  return std::unique_ptr<Server>(new Server(std::move(state)));
}

Server::Server(std::unique_ptr<State> state) : state_(std::move(state)) {}
Server::~Server() = default;

int Server::port() const { return state_->acceptor.local_endpoint().port(); }

std::string Server::url() const {
  const tcp::endpoint endpoint = state_->acceptor.local_endpoint();
  const std::string address = endpoint.address().to_string();
  return fmt::format("http://{}:{}", endpoint.address().is_v6() ? "[" + address + "]" : address,
                     endpoint.port());
}

void Server::set_generator(std::shared_ptr<Generator> generator) {
  const std::lock_guard lock(state_->mutex);
  state_->generator = generator;
  state_->routes.set_generator(std::move(generator));
}

void Server::run() {
  asio::co_spawn(state_->acceptor.get_executor(), state_->accept_all(), asio::detached);
  std::vector<std::jthread> threads;
  for (int i = 0; i < std::max(state_->options.thread_count, 1); ++i) {
    threads.emplace_back([this] { state_->context.run(); });
  }
  state_->wait_for_stop();
  std::shared_ptr<Generator> generator;
  {
    const std::lock_guard lock(state_->mutex);
    generator = state_->generator;
  }
  if (generator != nullptr) generator->drain(state_->options.shutdown_timeout);
  if (!state_->wait_until_idle(kLastRepliesLimit)) {
    log_warning("{} answers were cut off at shutdown", state_->sessions.requests.load());
  }
  state_->context.stop();
}

void Server::request_stop() {
  state_->sessions.closing = true;
  state_->routes.begin_draining();
  asio::post(state_->acceptor.get_executor(), [this] {
    boost::system::error_code ignored;
    state_->acceptor.close(ignored);
  });
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
  }
  state_->stop_requested.notify_all();
}

}  // namespace puna

// Listening, threads and shutdown. Each connection has a strand of its own; who is connected is
// known on the acceptor's strand.

#include "http/server.h"

#include <algorithm>
#include <exception>
#include <thread>
#include <unordered_map>

#include "base/descriptor_limit.h"
#include "base/exceptions.h"
#include "base/log.h"
#include "base/thread.h"
#include "http/connection.h"

namespace puna {
namespace {

using asio::ip::tcp;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr milliseconds kAcceptBackOff{50};  // when descriptors or connections have run out
constexpr milliseconds kRoomBackOff{2};     // until an idle connection is closed
constexpr seconds kComplaintEvery{60};      // of the same trouble in the log
constexpr milliseconds kDrainPoll{20};
constexpr seconds kCutTimeout{5};  // for the last words of what --shutdown-timeout cuts
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

// Each connection takes a descriptor; the program needs some of its own.
Status fit_descriptors(HttpLimits& limits) {
  constexpr uint64_t kOwnDescriptors = 64;
  const uint64_t allowed = raise_descriptor_limit();
  const int asked = limits.connections_max;
  const auto wanted = static_cast<uint64_t>(asked + limits.crowded_max);
  if (allowed >= wanted + kOwnDescriptors) return {};
  if (allowed < 2 * kOwnDescriptors) {
    return error(StatusCode::kResourceExhausted,
                 "this process may have {} descriptors, and a server needs {} at least; raise "
                 "their limit (ulimit -n)",
                 allowed, 2 * kOwnDescriptors);
  }
  limits.crowded_max = std::min(limits.crowded_max, 16);
  limits.connections_max = static_cast<int>(allowed - kOwnDescriptors) - limits.crowded_max;
  log_warning(
      "{} clients may be connected instead of --max-connections {}: this process may have {} "
      "descriptors (ulimit -n)",
      limits.connections_max, asked, allowed);
  return {};
}

}  // namespace

struct Server::State {
  State(ServerOptions given, HttpHandler& handler)
      : options(std::move(given)),
        context{handler, options.limits,
                std::make_shared<ByteBudget>(options.limits.total_body_bytes_max)},
        io(std::max(1, std::min(options.thread_count, kThreadsMax))),
        acceptor(asio::make_strand(io)) {}
  ~State() {
    if (ender.joinable()) ender.join();
  }

  Status listen();
  asio::awaitable<void> accept_loop();
  bool may_accept();
  void complain(const std::string& trouble);
  void welcome(tcp::socket socket, const asio::any_io_executor& strand);
  bool close_longest_idle();
  asio::awaitable<void> drain();
  asio::awaitable<void> wait_until_idle(steady_clock::time_point deadline);
  void end_what_runs();
  void run_thread();

  const ServerOptions options;
  ConnectionContext context;
  std::thread ender;    // of answers that were cut
  asio::io_context io;  // after what its coroutines use
  tcp::acceptor acceptor;
  int port = 0;
  // On the acceptor's strand.
  uint64_t accepted_count = 0;
  std::unordered_map<uint64_t, std::weak_ptr<Connection>> connections;
  std::optional<steady_clock::time_point> complained;
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
    boost::system::error_code code;
    if (may_accept()) {
      const asio::any_io_executor strand = asio::make_strand(io);
      tcp::socket socket(strand);
      std::tie(code) = co_await acceptor.async_accept(socket, kNoThrow);
      if (code == asio::error::operation_aborted) co_return;
      if (!code) {
        welcome(std::move(socket), strand);
        continue;
      }
      // Descriptors have run out, most likely: whoever is idle longest makes room.
      complain(fmt::format("cannot accept a connection: {}", code.message()));
    }
    const bool makes_room = close_longest_idle();
    back_off.expires_after(makes_room ? kRoomBackOff : kAcceptBackOff);
    co_await back_off.async_wait(kNoThrow);
  }
}

bool Server::State::may_accept() {
  const auto count = static_cast<int>(connections.size());
  return count < options.limits.connections_max + options.limits.crowded_max;
}

void Server::State::complain(const std::string& trouble) {
  const auto now = steady_clock::now();
  if (complained && now - *complained < kComplaintEvery) return;
  complained = now;
  log_warning("{}", trouble);
}

void Server::State::welcome(tcp::socket socket, const asio::any_io_executor& strand) {
  boost::system::error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  // Beyond the limit an idle connection makes room, and without one the new one is told.
  const bool full = static_cast<int>(connections.size()) >= options.limits.connections_max;
  const bool crowded = full && !close_longest_idle();
  if (crowded) complain("more clients than --max-connections are connected, and none is idle");
  const auto connection =
      std::make_shared<Connection>(context, beast::tcp_stream(std::move(socket)), crowded);
  const uint64_t key = accepted_count++;
  connections.emplace(key, connection);
  asio::co_spawn(strand, Connection::serve(connection),
                 [this, key](const std::exception_ptr& failure) {
                   if (failure) log_error("a connection ended by an exception");
                   asio::post(acceptor.get_executor(), [this, key] { connections.erase(key); });
                 });
}

// False when none is idle.
bool Server::State::close_longest_idle() {
  std::shared_ptr<Connection> longest;
  Connection::Time since = steady_clock::now();
  for (const auto& [key, weak] : connections) {
    const auto connection = weak.lock();
    const auto idle = connection ? connection->idle_since() : std::nullopt;
    if (!idle || since <= *idle) continue;
    since = *idle;
    longest = connection;
  }
  if (longest) longest->close_if_idle();
  return longest != nullptr;
}

asio::awaitable<void> Server::State::wait_until_idle(steady_clock::time_point deadline) {
  asio::steady_timer timer(acceptor.get_executor());
  while (context.busy.load() > 0 && steady_clock::now() < deadline) {
    timer.expires_after(kDrainPoll);
    co_await timer.async_wait(kNoThrow);
  }
}

// Ends the server when nothing is being answered, at the latest after the timeout.
asio::awaitable<void> Server::State::drain() {
  context.handler.begin_drain();
  boost::system::error_code ignored;
  acceptor.close(ignored);
  co_await wait_until_idle(steady_clock::now() + options.shutdown_timeout);
  if (context.busy.load() > 0) {
    log_warning("{} requests cut off by --shutdown-timeout", context.busy.load());
    end_what_runs();
    co_await wait_until_idle(steady_clock::now() + kCutTimeout);
  }
  io.stop();
}

// On a thread of its own: the step that the model is in may take long, and others write meanwhile.
void Server::State::end_what_runs() {
  auto thread = start_thread("end of answers", [this] { context.handler.end_answers(); });
  if (thread.ok()) ender = std::move(thread).value();
  for (const auto& [key, weak] : connections) {
    if (const auto connection = weak.lock()) connection->cut();
  }
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
  if (options.limits.total_body_bytes_max < options.limits.body_bytes_max) {
    return invalid_argument(
        "--max-total-body-bytes {} is less than one body may have; raise it, or lower "
        "--max-body-bytes {}",
        options.limits.total_body_bytes_max, options.limits.body_bytes_max);
  }
  RETURN_IF_ERROR(fit_descriptors(options.limits));
  std::unique_ptr<State> state;
  try {
    state = std::make_unique<State>(std::move(options), handler);
  } catch (...) {  // of the network library: no descriptor, no memory
    return status_of_exception();
  }
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
    auto other = start_thread("HTTP", [&state] { state.run_thread(); });
    if (!other.ok()) {
      log_warning("{}; this server has {} HTTP threads", other.status().message(), i);
      break;
    }
    others.push_back(std::move(other).value());
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

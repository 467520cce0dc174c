// Server: HTTP/1.1 in front of a handler. A client that goes away cancels its answer.
//
// Listens when it is open and answers from run() on. Boost is behind the .cc files.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "base/status.h"
#include "http/http_handler.h"
#include "http/http_limits.h"

namespace puna {

struct ServerOptions {
  std::string host = "127.0.0.1";  // an address or "localhost"
  int port = 8000;                 // 0: any free one
  HttpLimits limits;
  std::chrono::milliseconds shutdown_timeout{
      30'000};           // what running answers get after request_stop()
  int thread_count = 2;  // 1 or 2: they move bytes, and work happens elsewhere
};

class Server {
 public:
  // Binds and listens; `handler` outlives the server. Errors name the flag: an address that cannot
  // be had, or a port in use.
  static Result<std::unique_ptr<Server>> open(ServerOptions options, HttpHandler& handler);
  ~Server();

  int port() const;
  std::string url() const;  // "http://127.0.0.1:8000"

  // Serves, on this thread and thread_count - 1 others, until request_stop() has taken effect.
  void run();

  // From any thread (not from a signal handler): no new connection, idle ones close, new requests
  // are answered 503; run() returns when the last answer is sent. What takes longer than
  // shutdown_timeout ends in an error: an event of a stream, a 503 of others.
  void request_stop();

 private:
  struct State;
  explicit Server(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace puna

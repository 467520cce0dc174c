// Server: HTTP/1.1 for the API and the chat page. Listens at once, and serves the API when it has
// a generator.
//
// Until set_generator() the API routes and /ready answer 503 with Retry-After, and /health 200.
// A client that goes away cancels its generation. Boost is behind the .cc files.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "api/page_options.h"
#include "base/status.h"
#include "generate/generator.h"

namespace puna {

struct ServerOptions {
  std::string host = "127.0.0.1";  // an address or "localhost"
  int port = 8000;                 // 0: any free one
  std::vector<std::string> api_keys;
  bool insecure_no_auth = false;             // serve other machines without keys
  std::vector<std::string> allowed_origins;  // web origins that may call the API; "*" is any
  size_t max_body_bytes = 10 << 20;
  std::chrono::seconds shutdown_timeout{30};  // what running answers get after request_stop()
  int thread_count = 2;                       // 1 or 2: what is slow happens in the engine
  std::string version;
  PageOptions page;
};

class Server {
 public:
  // Binds and listens. Errors name the flag: an address that cannot be had, a port in use, or an
  // address that other machines reach with neither keys nor insecure_no_auth.
  static Result<std::unique_ptr<Server>> open(ServerOptions options);
  ~Server();

  int port() const;
  std::string url() const;  // "http://127.0.0.1:8000"

  // From any thread, once, after the generator's known-answer check: /ready becomes 200.
  void set_generator(std::shared_ptr<Generator> generator);

  // Serves, on this thread and thread_count - 1 others, until request_stop() has taken effect.
  void run();

  // From any thread (not from a signal handler): no new connection, idle ones close, new requests
  // are answered 503; run() returns when the last answer is sent, at the latest after
  // shutdown_timeout.
  void request_stop();

 private:
  struct State;
  explicit Server(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace puna

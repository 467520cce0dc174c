// Routes: every path of the server, who may ask for it, and what answers. Nothing of the network.
//
// Thread-safe: handle() may run on several threads at once.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "api/access_policy.h"
#include "api/auth.h"
#include "api/generation_routes.h"
#include "api/server.h"

namespace puna {

class Routes {
 public:
  explicit Routes(ServerOptions options);

  void set_generator(std::shared_ptr<Generator> generator);  // once
  void begin_drain();                                        // generation is refused from here on
  bool draining() const { return draining_.load(); }

  // `headers` receives what every reply to this request carries.
  using Headers = std::vector<std::pair<std::string, std::string>>;
  RouteOutcome handle(const HttpRequest& request, Headers& headers);
  // For /metrics and the log, when the answer's status is known.
  void count(const HttpRequest& request, int status);

 private:
  struct Route;
  static const std::vector<Route>& table();
  static const Route* find(std::string_view path);

  bool ready() const { return ready_.load(std::memory_order_acquire); }
  RouteOutcome handle_route(const Route& route, const HttpRequest& request);
  HttpReply readiness() const;
  HttpReply metrics_reply() const;

  const ServerOptions options_;
  const Authenticator authenticator_;
  const AccessPolicy access_;
  Metrics metrics_;
  std::shared_ptr<Generator> generator_;  // written once, before ready_
  std::atomic<bool> ready_{false}, draining_{false};
};

}  // namespace puna

// Routes: from a request to a reply, or to generations whose chunks become one. No network in here.
//
// Thread-safe. Until there is a generator, everything that needs one is answered 503.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <variant>
#include <vector>

#include "api/answer.h"
#include "api/auth.h"
#include "api/chat_page.h"
#include "api/metrics.h"
#include "generate/generator.h"

namespace puna {

struct RouteOptions {
  std::string version;
  std::vector<std::string> api_keys;
  std::vector<std::string> allowed_origins;  // "*" for any
  // Refuse Host headers that are not of this machine: a web page elsewhere may have made its own
  // name point here (DNS rebinding).
  bool local_hosts_only = false;
  PageOptions page;
};

// Running generations and what their chunks become.
struct GenerationJob {
  std::shared_ptr<Generator> generator;  // outlives the streams
  std::unique_ptr<Answer> answer;
  bool stream = false;
  std::vector<std::unique_ptr<GenerationStream>> streams;
};

using RouteOutcome = std::variant<HttpReply, GenerationJob>;

class Routes {
 public:
  explicit Routes(RouteOptions options);

  void set_generator(std::shared_ptr<Generator> generator);
  // From now on /ready says no.
  void begin_draining() { draining_ = true; }

  RouteOutcome handle(const HttpRequest& request);
  // Headers that every reply to this request carries (CORS).
  std::vector<std::pair<std::string, std::string>> common_headers(const HttpRequest& request) const;

  Metrics& metrics() { return metrics_; }

 private:
  using Handler = RouteOutcome (Routes::*)(const HttpRequest&);
  struct Route {
    std::string_view path;
    std::string_view methods;  // "GET POST"
    bool needs_key;
    Handler handler;
  };
  static const Route* find_route(std::string_view path);

  std::shared_ptr<Generator> generator() const;
  bool is_allowed_origin(std::string_view origin, std::string_view host) const;
  std::optional<HttpReply> refuse_foreign(const HttpRequest& request) const;

  RouteOutcome chat_completions(const HttpRequest& request);
  RouteOutcome completions(const HttpRequest& request);
  RouteOutcome infer(const HttpRequest& request);
  RouteOutcome models(const HttpRequest& request);
  RouteOutcome tokenize(const HttpRequest& request);
  RouteOutcome detokenize(const HttpRequest& request);
  RouteOutcome health(const HttpRequest& request);
  RouteOutcome ready(const HttpRequest& request);
  RouteOutcome version(const HttpRequest& request);
  RouteOutcome metrics_text(const HttpRequest& request);
  RouteOutcome page_config(const HttpRequest& request);

  const RouteOptions options_;
  const Authenticator authenticator_;
  Metrics metrics_;
  std::atomic<bool> draining_ = false;
  mutable std::mutex mutex_;
  std::shared_ptr<Generator> generator_;  // guarded by mutex_
};

}  // namespace puna

// Routes: every path of the server, who may ask for it, and what answers. Nothing of the network.
//
// Who may ask is decided on the head of a request, before its body is read. Thread-safe.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/access_policy.h"
#include "api/api_options.h"
#include "api/auth.h"
#include "api/generation_routes.h"
#include "api/key_meter.h"
#include "generate/text_pool.h"
#include "http/http_handler.h"

namespace puna {

class Routes final : public HttpHandler {
 public:
  explicit Routes(ApiOptions options);
  Routes(ApiOptions options, const Clock& clock);

  // Every path and its methods, for whoever has to see to all of them.
  struct Answered {
    std::string_view path;  // one that ends with "/" has a name behind it
    bool get, post;
  };
  static std::vector<Answered> answered();

  // What the loading of the model is at, for /ready. Any thread.
  void set_loading(const std::string& work);
  // Once, when the model is loaded: /ready becomes 200. Until then it and the API
  // answer 503 with Retry-After, and /health 200.
  void set_generator(std::shared_ptr<Generator> generator);

  std::optional<HttpReply> early_reply(HttpRequest& head, HttpHeaders& headers) override;
  HttpOutcome handle(HttpRequest request) override;
  HttpReply error_reply(const HttpError& error) override;
  void count(const HttpRequest& head, int status) override;

  void begin_drain() override { draining_.store(true); }
  bool draining() const override { return draining_.load(); }
  void end_answers() override;

 private:
  struct Route;
  static const std::vector<Route>& table();
  static const Route* find(std::string_view path);

  bool ready() const { return ready_.load(std::memory_order_acquire); }
  GenerationContext generation_context();
  using TokenReply = Result<HttpReply> (*)(const Generator& generator, const HttpRequest& request);
  HttpOutcome work_on_tokens(HttpRequest request, TokenReply reply);
  static std::string allowed_methods(const Route* route, bool is_page);
  std::optional<HttpReply> route_refusal(const Route& route, HttpRequest& head);
  std::optional<ApiError> judge_client(HttpRequest& head);
  HttpReply options_reply(const HttpRequest& head, const std::string& allowed) const;
  std::string loading() const;
  Status health() const;
  HttpReply liveness() const;
  HttpReply readiness() const;
  HttpReply metrics_reply() const;

  const ApiOptions options_;
  const AccessPolicy access_;
  Metrics metrics_;
  KeyMeter key_meter_;
  const Clock& clock_;
  std::shared_ptr<Generator> generator_;  // written once, before ready_
  mutable std::mutex loading_mutex_;
  std::string loading_;  // empty: nothing is known of it
  std::atomic<bool> ready_{false}, draining_{false};
  TextPool text_pool_;  // last: its work uses everything above
};

}  // namespace puna

// One table of routes; the checks that all share come before it.

#include "api/routes.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/api_description.h"
#include "api/body_refusal.h"
#include "api/chat_page.h"
#include "api/metered_answer.h"
#include "api/model_routes.h"
#include "api/request_origin.h"
#include "api/text_work.h"
#include "api/token_routes.h"
#include "base/log.h"
#include "http/letter_case.h"
#include "http/request_head.h"

namespace puna {
namespace {

constexpr int kLoadingRetrySeconds = 2;
constexpr std::string_view kModelsPrefix = "/v1/models/";
constexpr std::string_view kVersion = "/v1";
// Also without the version, for clients whose base URL has none.
constexpr std::string_view kUnversioned[] = {"/chat/completions", "/completions", "/models"};

// Each needs what comes before it, too. Work on texts is what limits of keys are about.
enum class Needs { kNothing, kKey, kGenerator, kWork };

const SteadyClock kSteadyClock;

ApiError of_status(int status, std::string message, std::string code) {
  ApiError error = bad_request(std::move(message));
  error.status = status;
  error.code = std::move(code);
  return error;
}

ApiError unauthorized(const HttpRequest& head) {
  const bool absent = head.header("authorization").empty();
  ApiError error = of_status(
      401,
      absent ? "a key is needed: send it as Authorization: Bearer KEY"
             : "invalid key: what came as Authorization: Bearer KEY is no key of this server",
      "invalid_api_key");
  error.type = "authentication_error";
  return error;
}

ApiError unavailable(std::string message, std::string code) {
  ApiError error = of_status(503, std::move(message), std::move(code));
  error.type = "unavailable_error";
  error.retry_after_seconds = kLoadingRetrySeconds;
  return error;
}

// A restart may help, and nothing else.
ApiError unhealthy(const Status& health) { return unavailable(health.message(), "unhealthy"); }

// Answered whatever a proxy made of Host and Origin: these tell nothing that is worth guarding, and
// the page needs its settings to say what is wrong.
bool is_for_all(std::string_view path) {
  return path == "/health" || path == "/ready" || path == "/version" || path == "/page-config.json";
}

// Asked by what decides whether this server lives; answered also when it is full.
bool is_vital(std::string_view path) {
  return path == "/health" || path == "/ready" || path == "/metrics";
}

bool has_unversioned(std::string_view path) {
  return path.starts_with("/models/") || std::find(std::begin(kUnversioned), std::end(kUnversioned),
                                                   path) != std::end(kUnversioned);
}

HttpOutcome reply_or_error(Result<HttpReply> reply) {
  if (reply.status().code() == StatusCode::kNotFound) {
    return to_reply(unknown_model(reply.status().message()));
  }
  if (!reply.ok()) return to_reply(to_api_error(reply.status(), 1));
  return std::move(reply).value();
}

HttpReply json_reply(std::string body) {
  HttpReply reply;
  reply.body = std::move(body);
  return reply;
}

// A page that may load nothing.
HttpReply html_reply(std::string body) {
  HttpReply reply;
  reply.body = std::move(body);
  reply.content_type = "text/html; charset=utf-8";
  reply.headers.emplace_back("Content-Security-Policy",
                             "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; "
                             "form-action 'none'; frame-ancestors 'none'");
  return reply;
}

}  // namespace

struct Routes::Route {
  std::string_view path;
  bool get, post;
  Needs needs;
  HttpOutcome (*answer)(Routes& routes, HttpRequest&& request);
};

const std::vector<Routes::Route>& Routes::table() {
  static const std::vector<Route> routes = {
      {"/health", true, false, Needs::kNothing,
       [](Routes& self, HttpRequest&&) -> HttpOutcome { return self.liveness(); }},
      {"/ready", true, false, Needs::kNothing,
       [](Routes& self, HttpRequest&&) -> HttpOutcome { return self.readiness(); }},
      {"/version", true, false, Needs::kNothing,
       [](Routes& self, HttpRequest&&) -> HttpOutcome {
         return version_reply(self.options_.version);
       }},
      {"/openapi.json", true, false, Needs::kNothing,
       [](Routes& self, HttpRequest&&) -> HttpOutcome {
         return json_reply(openapi_document(self.options_.version));
       }},
      {"/docs", true, false, Needs::kNothing,
       [](Routes& self, HttpRequest&&) -> HttpOutcome {
         return html_reply(docs_page(self.options_.version));
       }},
      {"/metrics", true, false, Needs::kKey,
       [](Routes& self, HttpRequest&&) -> HttpOutcome { return self.metrics_reply(); }},
      {"/page-config.json", true, false, Needs::kGenerator,
       [](Routes& self, HttpRequest&&) -> HttpOutcome {
         return page_config_reply(self.options_.page, *self.generator_);
       }},
      {"/v1/models", true, false, Needs::kGenerator,
       [](Routes& self, HttpRequest&&) -> HttpOutcome { return models_reply(*self.generator_); }},
      {kModelsPrefix, true, false, Needs::kGenerator,
       [](Routes& self, HttpRequest&& request) -> HttpOutcome {
         const bool versioned = request.path().starts_with(kVersion);
         const size_t prefix = kModelsPrefix.size() - (versioned ? 0 : kVersion.size());
         return model_reply(*self.generator_, request.path().substr(prefix));
       }},
      {"/v1/chat/completions", false, true, Needs::kWork,
       [](Routes& self, HttpRequest&& request) -> HttpOutcome {
         return answer_chat(self.generation_context(), std::move(request));
       }},
      {"/v1/completions", false, true, Needs::kWork,
       [](Routes& self, HttpRequest&& request) -> HttpOutcome {
         return answer_completion(self.generation_context(), std::move(request));
       }},
      {"/infer", true, true, Needs::kWork,
       [](Routes& self, HttpRequest&& request) -> HttpOutcome {
         return answer_infer(self.generation_context(), std::move(request));
       }},
      {"/tokenize", false, true, Needs::kWork,
       [](Routes& self, HttpRequest&& request) -> HttpOutcome {
         return self.work_on_tokens(std::move(request), tokenize_reply);
       }},
      {"/detokenize", false, true, Needs::kWork,
       [](Routes& self, HttpRequest&& request) -> HttpOutcome {
         return self.work_on_tokens(std::move(request), detokenize_reply);
       }},
  };
  return routes;
}

std::vector<Routes::Answered> Routes::answered() {
  std::vector<Answered> all;
  for (const Route& route : table()) all.push_back({route.path, route.get, route.post});
  return all;
}

const Routes::Route* Routes::find(std::string_view path) {
  const std::string versioned = std::string(kVersion) + std::string(path);
  if (has_unversioned(path)) path = versioned;
  for (const Route& route : table()) {
    const bool has_parameter = route.path == kModelsPrefix;
    if (path == route.path && !has_parameter) return &route;
    if (has_parameter && path.starts_with(route.path) && path.size() > route.path.size()) {
      return &route;
    }
  }
  return nullptr;
}

Routes::Routes(ApiOptions options) : Routes(std::move(options), kSteadyClock) {}

Routes::Routes(ApiOptions options, const Clock& clock)
    : options_(std::move(options)),
      access_(options_.host,
              is_loopback(options_.host) && options_.authenticator == nullptr &&
                  !options_.insecure_no_auth,
              options_.allowed_origins),
      key_meter_(clock),
      clock_(clock) {}

void Routes::set_loading(const std::string& work) {
  const std::lock_guard lock(loading_mutex_);
  loading_ = work;
}

std::string Routes::loading() const {
  const std::lock_guard lock(loading_mutex_);
  return loading_.empty() ? "the model is loading" : "the model is loading: " + loading_;
}

void Routes::set_generator(std::shared_ptr<Generator> generator) {
  generator_ = std::move(generator);
  ready_.store(true, std::memory_order_release);
}

GenerationContext Routes::generation_context() {
  return {.generator = generator_,
          .text_pool = text_pool_,
          .metrics = metrics_,
          .clock = clock_,
          .system_prompt = options_.page.system_prompt};
}

HttpOutcome Routes::work_on_tokens(HttpRequest request, TokenReply reply) {
  const size_t bytes = request.body.size();
  return on_text_pool(text_pool_, bytes, generator_->retry_after_seconds(),
                      [this, request = std::move(request), reply](const std::atomic<bool>&) {
                        return reply_or_error(reply(*generator_, request));
                      });
}

void Routes::end_answers() {
  if (ready()) generator_->drain(std::chrono::nanoseconds::zero());
}

std::optional<HttpReply> Routes::early_reply(HttpRequest& head, HttpHeaders& headers) {
  head.origin.request_id = request_id_of(head);
  head.origin.arrived = clock_.now();
  head.origin.trace = parse_traceparent(head.header("traceparent")).value_or(TraceContext());
  headers = access_.cors_headers(head);
  headers.emplace_back("X-Request-Id", head.origin.request_id);
  headers.emplace_back("X-Content-Type-Options", "nosniff");
  headers.emplace_back("Referrer-Policy", "no-referrer");
  if (auto refused = access_.host_refusal(head)) return to_reply(*refused);

  const std::string_view path = head.path();
  const Route* route = find(path);
  const PageAsset* asset = route == nullptr ? find_page_asset(path) : nullptr;
  const bool guarded = route != nullptr && !is_for_all(path);
  if (auto refused = guarded ? access_.refusal(head) : std::nullopt) return to_reply(*refused);
  const std::string allowed = allowed_methods(route, asset != nullptr);
  if (head.method == "OPTIONS") return options_reply(head, allowed + ", OPTIONS");
  if (head.method != "CONNECT" && route == nullptr && asset == nullptr) {
    return to_reply(of_status(404, fmt::format("there is no {}", path), "not_found"));
  }
  const std::vector<std::string_view> methods = split_list(allowed);
  if (std::find(methods.begin(), methods.end(), head.method) == methods.end()) {
    HttpReply reply = to_reply(of_status(
        405, fmt::format("{} does not answer {}", path, head.method), "method_not_allowed"));
    reply.headers.emplace_back("Allow", allowed);
    return reply;
  }
  if (head.server_full && !is_vital(path)) {
    return to_reply(
        unavailable("the server is full: its limit is --max-connections; try again", "overloaded"));
  }
  if (route == nullptr) return std::nullopt;
  std::optional<HttpReply> refusal = route_refusal(*route, head);
  if (const auto ticket = ticket_of(head)) {
    for (auto& header : ticket->headers()) headers.push_back(std::move(header));
  }
  return refusal;
}

// "*" and unknown paths have what any path may have.
std::string Routes::allowed_methods(const Route* route, bool is_page) {
  const bool gets = route == nullptr || route->get,
             posts = route == nullptr ? !is_page : route->post;
  return gets && posts ? "GET, HEAD, POST" : gets ? "GET, HEAD" : "POST";
}

// An unknown path, too: a browser would call the 404 that the page shall see a refusal.
HttpReply Routes::options_reply(const HttpRequest& head, const std::string& allowed) const {
  HttpReply reply;
  reply.status = 204;
  reply.content_type.clear();
  reply.headers = access_.preflight_headers(head);
  reply.headers.emplace_back("Allow", allowed);
  return reply;
}

// Whose request it is; nobody's is refused.
std::optional<ApiError> Routes::judge_client(HttpRequest& head) {
  if (options_.authenticator == nullptr) return std::nullopt;
  const auto client = options_.authenticator->client_of(head.header("authorization"));
  if (!client) return unauthorized(head);
  head.origin.client = client->index;
  head.origin.client_name = client->name;
  head.ticket = key_meter_.ticket(*client);
  return std::nullopt;
}

std::optional<HttpReply> Routes::route_refusal(const Route& route, HttpRequest& head) {
  if (route.needs == Needs::kNothing) return std::nullopt;
  if (const auto unknown = judge_client(head)) return to_reply(*unknown);
  if (route.needs >= Needs::kGenerator) {
    if (draining_.load()) {
      return to_reply(unavailable("the server is shutting down; try again", "unavailable"));
    }
    if (!ready()) return to_reply(unavailable(loading() + "; try again", "loading"));
    if (const Status lost = health(); !lost.ok()) return to_reply(unhealthy(lost));
  }
  if (auto refused = body_refusal(head)) return refused;
  const auto timeout = parse_timeout(head.header("x-request-timeout"));
  if (!timeout.ok()) return to_reply(bad_request(timeout.status().message()));
  if (*timeout) head.origin.deadline = after(head.origin.arrived, **timeout);
  const auto ticket = ticket_of(head);
  if (route.needs < Needs::kWork || ticket == nullptr) return std::nullopt;
  if (const auto refused = ticket->begin(generator_->mean_seconds())) return to_reply(*refused);
  return std::nullopt;
}

HttpOutcome Routes::handle(HttpRequest request) {
  const Route* route = find(request.path());
  if (route == nullptr) return page_reply(*find_page_asset(request.path()), request);
  const auto ticket = ticket_of(request);
  HttpOutcome outcome = route->answer(*this, std::move(request));
  return ticket == nullptr ? std::move(outcome) : metered(std::move(outcome), ticket);
}

HttpReply Routes::error_reply(const HttpError& error) {
  ApiError refused = bad_request(error.message);
  refused.status = error.status;
  if (!error.code.empty()) refused.code = error.code;
  if (error.status == 503) {
    refused.type = error.code == "overloaded" ? "overloaded_error" : "unavailable_error";
  }
  refused.retry_after_seconds = error.retry_after_seconds;
  if (error.status == 503 && error.code == "overloaded") {  // bodies that wait to be read
    const int wait = text_retry_after_seconds(text_pool_, kShortTextBytes + 1);
    refused.retry_after_seconds = std::max(error.retry_after_seconds, wait);
  }
  return to_reply(refused);
}

Status Routes::health() const { return ready() ? generator_->health() : Status(); }

HttpReply Routes::liveness() const {
  if (const Status lost = health(); !lost.ok()) return to_reply(unhealthy(lost));
  return json_reply(R"({"status":"ok"})");
}

HttpReply Routes::readiness() const {
  if (draining_.load()) return to_reply(unavailable("the server is shutting down", "unavailable"));
  if (!ready()) return to_reply(unavailable(loading(), "loading"));
  if (const Status lost = health(); !lost.ok()) return to_reply(unhealthy(lost));
  return json_reply(R"({"status":"ready"})");
}

HttpReply Routes::metrics_reply() const {
  HttpReply reply;
  reply.content_type = "text/plain; version=0.0.4; charset=utf-8";
  if (ready()) {
    const EngineStats stats = generator_->stats();
    reply.body = metrics_.text(&stats, &generator_->model());
  } else {
    reply.body = metrics_.text(nullptr, nullptr);
  }
  return reply;
}

void Routes::count(const HttpRequest& head, int status) {
  const Route* route = find(head.path());
  const bool is_page = route == nullptr && find_page_asset(head.path()) != nullptr;
  // Only known words become labels, or a client could make as many as it likes.
  const std::string_view handler = route != nullptr ? route->path : is_page ? "page" : "none";
  const bool known = head.method == "GET" || head.method == "POST" || head.method == "HEAD" ||
                     head.method == "OPTIONS";
  metrics_.count_request(handler, known ? std::string_view(head.method) : "other", status);
  if (!head.origin.client_name.empty()) metrics_.count_client(head.origin.client_name, status);
  log_debug("{} {} {}{}{}", head.method, head.path(), status,
            head.origin.client_name.empty() ? "" : " of ", head.origin.client_name);
}

}  // namespace puna

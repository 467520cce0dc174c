// The table of routes, and who may use them.

#include "api/routes.h"

#include <algorithm>

#include "base/json.h"

namespace puna {
namespace {

constexpr int kLoadingRetrySeconds = 2;

ApiError error_with(int status, std::string message, std::string type,
                    std::optional<std::string> code) {
  ApiError error;
  error.status = status;
  error.message = std::move(message);
  error.type = std::move(type);
  error.code = std::move(code);
  return error;
}

// "127.0.0.1" of "127.0.0.1:8000", "[::1]" of "[::1]:8000".
std::string_view without_port(std::string_view host) {
  if (host.starts_with('[')) return host.substr(0, host.find(']') + 1);
  return host.substr(0, host.find(':'));
}

bool is_local_name(std::string_view host) {
  const std::string_view name = without_port(host);
  return name.empty() || name == "localhost" || name.ends_with(".localhost") || name == "[::1]" ||
         (name.starts_with("127.") && name.find_first_not_of("0123456789.") == name.npos);
}

}  // namespace

Routes::Routes(RouteOptions options)
    : options_(std::move(options)), authenticator_(options_.api_keys) {}

void Routes::set_generator(std::shared_ptr<Generator> generator) {
  const std::lock_guard lock(mutex_);
  generator_ = std::move(generator);
}

std::shared_ptr<Generator> Routes::generator() const {
  const std::lock_guard lock(mutex_);
  return generator_;
}

const Routes::Route* Routes::find_route(std::string_view path) {
  static const Route routes[] = {
      {"/v1/chat/completions", "POST", true, &Routes::chat_completions},
      {"/v1/completions", "POST", true, &Routes::completions},
      {"/v1/models", "GET", true, &Routes::models},
      {"/infer", "GET POST", true, &Routes::infer},
      {"/tokenize", "POST", true, &Routes::tokenize},
      {"/detokenize", "POST", true, &Routes::detokenize},
      {"/page-config.json", "GET", true, &Routes::page_config},
      {"/health", "GET", false, &Routes::health},
      {"/ready", "GET", false, &Routes::ready},
      {"/version", "GET", false, &Routes::version},
      {"/metrics", "GET", false, &Routes::metrics_text},
  };
  if (path.starts_with("/v1/models/")) path = "/v1/models";
  for (const Route& route : routes) {
    if (route.path == path) return &route;
  }
  return nullptr;
}

bool Routes::is_allowed_origin(std::string_view origin, std::string_view host) const {
  const size_t scheme = origin.find("://");
  if (scheme != origin.npos && origin.substr(scheme + 3) == host) return true;  // the page itself
  return std::any_of(
      options_.allowed_origins.begin(), options_.allowed_origins.end(),
      [&](const std::string& allowed) { return allowed == "*" || allowed == origin; });
}

// A browser sends Origin with what scripts of other pages do. Other clients send none.
std::optional<HttpReply> Routes::refuse_foreign(const HttpRequest& request) const {
  const std::string_view host = request.header("host");
  if (options_.local_hosts_only && !is_local_name(host)) {
    return to_reply(error_with(403,
                               "this server answers to names of this machine only, not to " +
                                   std::string(host) + "; start it with --host and a key",
                               "permission_error", "host_not_allowed"));
  }
  const std::string_view origin = request.header("origin");
  if (origin.empty() || is_allowed_origin(origin, host)) return std::nullopt;
  return to_reply(error_with(403,
                             "web pages of " + std::string(origin) +
                                 " may not call this server; allow it with --allowed-origins",
                             "permission_error", "origin_not_allowed"));
}

std::vector<std::pair<std::string, std::string>> Routes::common_headers(
    const HttpRequest& request) const {
  const std::string_view origin = request.header("origin");
  if (origin.empty() || !is_allowed_origin(origin, request.header("host"))) return {};
  return {{"Access-Control-Allow-Origin", std::string(origin)}, {"Vary", "Origin"}};
}

RouteOutcome Routes::handle(const HttpRequest& request) {
  if (auto refused = refuse_foreign(request)) return *refused;
  const Route* route = find_route(request.path());
  if (request.method == "OPTIONS") {
    HttpReply reply;
    reply.status = 204;
    reply.headers = {{"Access-Control-Allow-Methods", "GET, POST, OPTIONS"},
                     {"Access-Control-Allow-Headers", "Authorization, Content-Type"},
                     {"Access-Control-Max-Age", "600"}};
    return reply;
  }
  const std::string method = request.method == "HEAD" ? "GET" : request.method;
  if (route == nullptr) {
    if (method == "GET") {
      if (auto page = find_page_asset(request)) return *page;
    }
    return to_reply(error_with(404, "there is no " + std::string(request.path()),
                               "invalid_request_error", "not_found"));
  }
  if (route->methods.find(method) == std::string_view::npos) {
    HttpReply reply = to_reply(error_with(
        405, std::string(route->path) + " takes " + std::string(route->methods) + " only",
        "invalid_request_error", "method_not_allowed"));
    reply.headers.emplace_back(
        "Allow", route->methods == "GET POST" ? "GET, POST" : std::string(route->methods));
    return reply;
  }
  if (route->needs_key && !authenticator_.accepts(request.header("authorization"))) {
    return to_reply(error_with(401, "send a valid key as \"Authorization: Bearer KEY\"",
                               "invalid_request_error", "invalid_api_key"));
  }
  if (route->needs_key && generator() == nullptr) {
    ApiError loading = error_with(503, "the model is being loaded; try again in a moment",
                                  "unavailable_error", "loading");
    loading.retry_after_seconds = kLoadingRetrySeconds;
    return to_reply(loading);
  }
  return (this->*route->handler)(request);
}

}  // namespace puna

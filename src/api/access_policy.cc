// An origin is "scheme://host[:port]"; its authority is compared with the Host header.

#include "api/access_policy.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/auth.h"
#include "http/letter_case.h"

namespace puna {
namespace {

// "[::1]:8000" is "::1", "LocalHost.:8000" is "localhost": names have no letter case, and may end
// with the dot of the root.
std::string name_of(std::string_view authority) {
  if (authority.starts_with('[')) {
    return std::string(authority.substr(1, std::min(authority.find(']'), authority.size()) - 1));
  }
  std::string name = lower_case(authority.substr(0, authority.find(':')));
  if (name.ends_with('.')) name.pop_back();
  return name;
}

std::string_view authority_of(std::string_view origin) {
  const size_t begin = origin.find("://");
  return begin == origin.npos ? std::string_view() : origin.substr(begin + 3);
}

bool is_well_formed(std::string_view host) {
  return !host.empty() && host.find_first_not_of(
                              "abcdefghijklmnopqrstuvwxyz"
                              "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                              "0123456789.-_:[]") == host.npos;
}

ApiError forbidden(std::string message) {
  ApiError error = bad_request(std::move(message));
  error.status = 403;
  error.type = "permission_error";
  error.code = "forbidden_origin";
  return error;
}

}  // namespace

AccessPolicy::AccessPolicy(const std::string& host, bool local_only,
                           std::vector<std::string> allowed_origins)
    : host_(lower_case(host)),
      local_only_(local_only),
      allowed_origins_(std::move(allowed_origins)) {
  for (std::string& origin : allowed_origins_) {
    origin = lower_case(origin);
    while (origin.ends_with('/')) origin.pop_back();
  }
}

bool AccessPolicy::allows_host(std::string_view host) const {
  const std::string name = name_of(host);
  if (!local_only_ || is_loopback(name) || name == host_) return true;
  return std::any_of(allowed_origins_.begin(), allowed_origins_.end(), [&](const auto& origin) {
    return origin == "*" || name_of(authority_of(origin)) == name;
  });
}

bool AccessPolicy::allows_origin(std::string_view origin) const {
  return std::any_of(allowed_origins_.begin(), allowed_origins_.end(), [&](const auto& allowed) {
    return allowed == "*" || same_letters(allowed, origin);
  });
}

std::optional<ApiError> AccessPolicy::host_refusal(const HttpRequest& request) const {
  const std::string_view host = request.header("host");
  const bool absent = host.empty() && request.is_http_1_0;
  if (absent || is_well_formed(host)) return std::nullopt;
  return bad_request("the Host header must be a name or address, and may have a port");
}

std::optional<ApiError> AccessPolicy::refusal(const HttpRequest& request) const {
  const std::string_view host = request.header("host");
  if (host.empty()) return std::nullopt;  // HTTP/1.0: no browser speaks it
  if (!allows_host(host)) {
    return forbidden(
        fmt::format("Host {} is not a name of this server, which listens for this "
                    "machine only; --allowed-origins http://{} would allow it",
                    host, host));
  }
  const std::string_view origin = request.header("origin");
  if (origin.empty() || same_letters(authority_of(origin), host) || allows_origin(origin)) {
    return std::nullopt;
  }
  return forbidden(
      fmt::format("pages of {} may not call this server, which was asked for as {}; start it with "
                  "--allowed-origins {}, or let the proxy in front of it keep the Host header "
                  "(nginx: proxy_set_header Host $http_host)",
                  origin, host, origin));
}

HttpHeaders AccessPolicy::cors_headers(const HttpRequest& request) const {
  if (allowed_origins_.empty()) return {};
  const std::string_view origin = request.header("origin");
  // What is cached for one origin must not be given to another.
  if (origin.empty() || !allows_origin(origin)) return {{"Vary", "Origin"}};
  return {{"Access-Control-Allow-Origin", std::string(origin)},
          {"Access-Control-Expose-Headers",
           "Retry-After, X-Request-Id, X-Puna-Stop-Reason, x-ratelimit-limit-requests, "
           "x-ratelimit-limit-tokens, "
           "x-ratelimit-remaining-requests, x-ratelimit-remaining-tokens, "
           "x-ratelimit-reset-requests, x-ratelimit-reset-tokens"},
          {"Vary", "Origin"}};
}

HttpHeaders AccessPolicy::preflight_headers(const HttpRequest& request) const {
  const std::string_view origin = request.header("origin");
  if (origin.empty() || !allows_origin(origin)) return {};
  HttpHeaders headers = {{"Access-Control-Allow-Methods", "GET, HEAD, POST, OPTIONS"},
                         {"Access-Control-Max-Age", "600"},
                         {"Vary", "Access-Control-Request-Headers"}};
  // Clients send headers of their own (OpenAI's: X-Stainless-*), and only "*" alone is a wildcard,
  // which does not mean Authorization. So each origin is allowed what it asks for.
  const std::string_view asked = request.header("access-control-request-headers");
  headers.emplace_back("Access-Control-Allow-Headers",
                       fmt::format("Authorization, Content-Type, X-Request-Id{}{}",
                                   asked.empty() ? "" : ", ", asked));
  if (same_letters(request.header("access-control-request-private-network"), "true")) {
    headers.emplace_back("Access-Control-Allow-Private-Network", "true");
  }
  return headers;
}

}  // namespace puna

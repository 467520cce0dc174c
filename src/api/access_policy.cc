// An origin is "scheme://host[:port]"; its authority is compared with the Host header.

#include "api/access_policy.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/auth.h"

namespace puna {
namespace {

// "[::1]:8000" is "::1", "localhost:8000" is "localhost".
std::string_view name_of(std::string_view authority) {
  if (authority.starts_with('[')) {
    return authority.substr(1, std::min(authority.find(']'), authority.size()) - 1);
  }
  return authority.substr(0, authority.find(':'));
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

AccessPolicy::AccessPolicy(std::string host, bool local_only,
                           std::vector<std::string> allowed_origins)
    : host_(std::move(host)),
      local_only_(local_only),
      allowed_origins_(std::move(allowed_origins)) {}

bool AccessPolicy::allows_host(std::string_view host) const {
  const std::string name(name_of(host));
  if (!local_only_ || is_loopback(name) || name == host_) return true;
  return std::any_of(allowed_origins_.begin(), allowed_origins_.end(), [&](const auto& origin) {
    return origin == "*" || name_of(authority_of(origin)) == name;
  });
}

bool AccessPolicy::allows_origin(std::string_view origin) const {
  return std::any_of(allowed_origins_.begin(), allowed_origins_.end(),
                     [&](const auto& allowed) { return allowed == "*" || allowed == origin; });
}

std::optional<ApiError> AccessPolicy::refusal(const HttpRequest& request) const {
  const std::string_view host = request.header("host");
  if (host.empty() && request.is_http_1_0) return std::nullopt;  // no browser speaks it
  if (!is_well_formed(host)) {
    return bad_request("the Host header must be a name or address, and may have a port");
  }
  if (!allows_host(host)) {
    return forbidden(
        fmt::format("Host {} is not a name of this server, which listens for this "
                    "machine only; --allowed-origins http://{} would allow it",
                    host, host));
  }
  const std::string_view origin = request.header("origin");
  if (origin.empty() || authority_of(origin) == host || allows_origin(origin)) return std::nullopt;
  return forbidden(
      "pages of this origin may not call this server; --allowed-origins would allow them");
}

std::vector<std::pair<std::string, std::string>> AccessPolicy::cors_headers(
    const HttpRequest& request) const {
  const std::string_view origin = request.header("origin");
  if (origin.empty() || !allows_origin(origin)) return {};
  return {{"Access-Control-Allow-Origin", std::string(origin)},
          {"Access-Control-Expose-Headers", "Retry-After, X-Request-Id"},
          {"Vary", "Origin"}};
}

HttpReply AccessPolicy::preflight_reply() const {
  HttpReply reply;
  reply.status = 204;
  reply.content_type.clear();
  reply.headers = {
      {"Access-Control-Allow-Methods", "GET, POST, OPTIONS"},
      {"Access-Control-Allow-Headers", "Authorization, Content-Type, X-Request-Id, X-Stainless-*"},
      {"Access-Control-Max-Age", "600"}};
  return reply;
}

}  // namespace puna

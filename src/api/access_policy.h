// Which web pages may reach the API through a browser: Host, Origin and CORS.
//
// A server without keys trusts whoever reaches it, and every web page can make a browser reach
// 127.0.0.1. So it answers only to names that are its own (DNS rebinding) and refuses requests that
// another origin's page makes.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/error_response.h"
#include "http/http_message.h"

namespace puna {

class AccessPolicy {
 public:
  // `local_only`: listens on loopback without keys, so that only local names are its own.
  AccessPolicy(const std::string& host, bool local_only, std::vector<std::string> allowed_origins);

  // Why no request with this Host is answered (400), or nothing.
  std::optional<ApiError> host_refusal(const HttpRequest& request) const;
  // Why the API refuses this request (403), in words that say what to configure; or nothing.
  std::optional<ApiError> refusal(const HttpRequest& request) const;

  // Access-Control-* for an allowed origin, else none.
  HttpHeaders cors_headers(const HttpRequest& request) const;
  // What a browser asks before it lets a page of an allowed origin call: which headers it may send.
  HttpHeaders preflight_headers(const HttpRequest& request) const;

 private:
  bool allows_host(std::string_view host) const;
  bool allows_origin(std::string_view origin) const;

  const std::string host_;
  const bool local_only_;
  std::vector<std::string> allowed_origins_;  // in lower case, without a "/" at the end
};

}  // namespace puna

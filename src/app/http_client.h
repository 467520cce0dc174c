// HttpClient: JSON over HTTP to one server, one request at a time, which a person can stop.
//
// libcurl is behind http_client.cc; proxies are those of the environment (https_proxy, no_proxy).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"

namespace puna {

class HttpClient {
 public:
  struct Reply {
    long status = 0;
    long retry_after_seconds = 0;  // 0: not said
    std::string moved_to;          // of a redirection, which is not followed
  };
  // Gets bytes of the body as they come; false ends the request.
  using OnBytes = std::function<bool(std::string_view)>;

  HttpClient(std::string url, const std::string& api_key);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  const std::string& url() const { return url_; }

  // GET without a body. `goes_on` is asked several times a second; false ends the request.
  // kUnavailable: no connection, or one that broke. kCancelled: ended by a caller's false.
  Result<Reply> send(const std::string& path, const std::string& body, const OnBytes& on_bytes,
                     const std::function<bool()>& goes_on);

 private:
  struct Handles;

  Status perform(const std::string& target, const std::function<bool()>& goes_on);

  const std::string url_;
  const std::unique_ptr<Handles> handles_;
};

}  // namespace puna

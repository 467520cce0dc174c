// HttpRequest and HttpReply: what a handler sees of HTTP. Plain data, nothing of the network
// library.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/request_origin.h"

namespace puna {

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
  std::string method;   // "GET"
  std::string target;   // "/infer?sentence=x"
  HttpHeaders headers;  // names in lower case
  std::string body;
  bool is_http_1_0 = false;
  bool server_full = false;  // this connection is one more than --max-connections
  RequestOrigin origin;
  std::shared_ptr<const void> body_claim;  // holds the body's bytes in the server's budget
  std::shared_ptr<void> ticket;            // the handler's own, from its head to its answer's end

  std::string_view path() const;
  std::string_view header(std::string_view name) const;  // "" when absent
};

// "a%2Fb" is "a/b"; "+" stands for itself.
std::string decode_path(std::string_view text);

// The decoded parameters after "?": "+" and "%20" are spaces. The last of equal names wins.
std::map<std::string, std::string, std::less<>> query_of(const HttpRequest& request);

struct HttpReply {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  HttpHeaders headers;
};

// Why what came is no request, or none that is taken.
struct HttpError {
  int status = 400;
  std::string code;  // "body_too_large"; empty: none
  std::string message;
  int retry_after_seconds = 0;  // 0: no Retry-After
};

}  // namespace puna

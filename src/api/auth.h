// Who may call the API, and what may be served to whom.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/request_origin.h"
#include "base/status.h"

namespace puna {

// An address of this machine that no other can reach: 127.0.0.0/8, ::1, "localhost".
bool is_loopback(const std::string& host);

// kFailedPrecondition when `host` is reachable from other machines and nothing protects it.
Status check_exposure(std::string_view host, bool has_keys, bool insecure_no_auth);

// Keys from a file, one a line; blank lines and lines that begin with "#" are skipped.
Result<std::vector<std::string>> read_api_keys(const std::string& path);

class Authenticator {
 public:
  // Without keys everybody is let in.
  explicit Authenticator(std::vector<std::string> keys) : keys_(std::move(keys)) {}

  // Who sends this Authorization header ("Bearer KEY"); nothing: nobody we know. Compares in
  // constant time.
  std::optional<ClientIndex> client_of(std::string_view authorization) const;

 private:
  std::vector<std::string> keys_;
};

}  // namespace puna

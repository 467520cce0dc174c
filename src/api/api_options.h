// ApiOptions: what the routes are told of the command line.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "api/auth.h"
#include "api/page_options.h"

namespace puna {

struct ApiOptions {
  std::string host = "127.0.0.1";                // the address that the server listens on
  std::shared_ptr<Authenticator> authenticator;  // null: whoever reaches the server may call
  bool insecure_no_auth = false;                 // serve other machines without keys
  std::vector<std::string> allowed_origins;      // web origins that may call the API; "*" is any
  std::string version;
  PageOptions page;
};

}  // namespace puna

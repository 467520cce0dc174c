// HubClient: HTTP to the hub. libcurl is behind this file only.
//
// The token goes to the hub itself and never to a host it redirects to.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "base/status.h"

namespace puna {

class HubClient {
 public:
  HubClient(std::string endpoint, std::string token);

  // The body of GET endpoint + path. kNotFound, kUnauthenticated, kPermissionDenied (gated) and
  // kUnavailable (no network, or still busy after retries) say what to do; `repo` begins the
  // message.
  Result<std::string> get(const std::string& path, const std::string& repo) const;

  // Continues `target` where it ends, by Range, until it has `size` bytes. A server that ignores
  // Range starts over. `progress` gets the change in bytes, negative when starting over.
  Status download(const std::string& path, const std::string& repo, int64_t size,
                  const std::filesystem::path& target,
                  const std::function<void(int64_t)>& progress) const;

 private:
  std::string endpoint_;
  std::string token_;
};

}  // namespace puna

// Who may call the API, and what may be served to whom.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/key_file.h"
#include "base/request_origin.h"
#include "base/status.h"

namespace puna {

// An address of this machine that no other can reach: 127.0.0.0/8, ::1, "localhost".
bool is_loopback(const std::string& host);

// kFailedPrecondition when `host` is reachable from other machines and nothing protects it.
Status check_exposure(std::string_view host, bool has_keys, bool insecure_no_auth);

// Who calls: what a key stands for.
struct ApiClient {
  ClientIndex index = 0;  // 0: the server has no keys
  std::string name;       // for logs and metrics
  KeyLimits limits;
};

// The keys of a server, as digests. Thread-safe.
//
// The file is looked at before each use and read again when it has changed, by whatever way: in
// place, renamed over, or behind a symlink as Kubernetes swaps its secrets. A new file that is
// wrong changes nothing, and the log says so once.
class Authenticator {
 public:
  // `keys` have neither names nor limits; `file` may be empty. Errors name the file and the line.
  static Result<std::shared_ptr<Authenticator>> open(const std::vector<std::string>& keys,
                                                     const std::string& file);

  // Who sends this Authorization header ("Bearer KEY"); nothing: nobody we know. Takes a time that
  // does not depend on the key.
  std::optional<ApiClient> client_of(std::string_view authorization);

 private:
  // What tells one content of the file from the next.
  struct FileVersion {
    uint64_t device = 0, file = 0;
    int64_t size = 0, modified_ns = 0, changed_ns = 0;

    static std::optional<FileVersion> of(const std::string& path);
    // So long ago that a change that came later would have another time.
    bool is_settled() const;
    bool operator==(const FileVersion&) const = default;
  };
  struct KnownKey {
    ApiKey key;
    ApiClient client;
  };

  Authenticator(std::vector<ApiKey> fixed, std::string file)
      : fixed_(std::move(fixed)), file_(std::move(file)) {}
  Status read_file_keys();
  void read_again_if_changed();
  void take(const std::vector<ApiKey>& from_file);
  ApiClient client_for(const ApiKey& key);

  const std::vector<ApiKey> fixed_;  // of the command line
  const std::string file_;
  std::mutex mutex_;
  std::optional<FileVersion> version_;  // that was read last; guarded by mutex_, as all below
  std::vector<ApiKey> from_file_;
  std::vector<KnownKey> keys_;
  std::map<std::string, ClientIndex> clients_;  // by name, else by digest; also of keys that went
  std::string last_error_;
};

}  // namespace puna

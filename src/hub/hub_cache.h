// HubCache: one repository in the Hugging Face cache on disk, in the layout of huggingface_hub.
//
//   models--owner--name/blobs/HASH              a file's bytes
//                       snapshots/COMMIT/FILE   a link to its blob
//                       refs/REVISION           the commit a branch or tag was last seen at
//   .locks/models--owner--name/HASH.lock        held while a blob is written
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/status.h"
#include "hub/hub_listing.h"

namespace puna {

struct HubSettings {
  std::filesystem::path cache;
  std::string endpoint;  // without a slash at its end
  std::string token;     // empty: anonymous
  bool offline = false;
};

Result<HubSettings> read_hub_settings();

class HubCache {
 public:
  HubCache(const std::filesystem::path& cache, const std::string& repo);

  std::filesystem::path blob(const HubFile& file) const;
  std::filesystem::path incomplete_blob(const HubFile& file) const;
  std::filesystem::path lock(const HubFile& file) const;
  std::filesystem::path snapshot(const std::string& commit) const;

  // The commit of a branch, tag or commit, as far as the cache knows it.
  std::optional<std::string> find_commit(const std::string& revision) const;
  Status write_ref(const std::string& revision, const std::string& commit) const;
  // Makes `file` visible in the snapshot; its blob exists.
  Status link(const std::string& commit, const HubFile& file) const;
  Status make_folders() const;
  int64_t free_bytes() const;

 private:
  std::filesystem::path folder_;
  std::filesystem::path locks_;
};

}  // namespace puna

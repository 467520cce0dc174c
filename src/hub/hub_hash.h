// The hashes the hub names files by. OpenSSL's libcrypto is behind this file only.
#pragma once

#include <filesystem>
#include <string>

#include "base/status.h"
#include "hub/hub_listing.h"

namespace puna {

// kDataLoss unless `path` has the size and hash that `file` states: sha256 of the bytes, or git's
// sha1 of a blob (https://git-scm.com/book/en/v2/Git-Internals-Git-Objects).
Status check_hub_file(const std::filesystem::path& path, const HubFile& file);

}  // namespace puna

// What the hub says about a repository at one commit, and which of its files a model needs. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace puna {

inline constexpr size_t kHubFilesMax = 10000;

struct HubFile {
  std::string path;  // inside the repository, checked: relative, without ".."
  int64_t size = 0;
  std::string hash;    // sha256 when `large`, else git's sha1 of the blob; names the cached blob
  bool large = false;  // kept in LFS
};

struct HubListing {
  std::string commit;
  bool gated = false;
  std::string license;  // "llama2", "apache-2.0", "" when the card names none
  std::vector<HubFile> files;
};

// Reads the answer of GET /api/models/REPO/revision/REV?blobs=true.
Result<HubListing> parse_hub_listing(std::string_view json_text, std::string_view repo);

// Config, tokenizer and safetensors; or the one .gguf file; or `file` alone. Errors list the
// choice.
Result<std::vector<HubFile>> choose_files(const HubListing& listing, std::string_view repo,
                                          std::string_view file);

// Whether Meta's licence has to be accepted for these weights.
bool is_meta_licensed(const HubListing& listing, std::string_view repo);

}  // namespace puna

// The Hugging Face hub: a repository id becomes a path in the standard cache, fetched when needed.
//
// Honours HF_HOME, HF_HUB_CACHE, HF_TOKEN, HF_TOKEN_PATH, HF_ENDPOINT and HF_HUB_OFFLINE. All files
// of a snapshot come from one commit; a file is visible only whole and with the hash the hub
// stated.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "base/status.h"

namespace puna {

struct HubOptions {
  std::string revision;         // branch, tag or commit; empty: main
  std::string file;             // only this file (one .gguf of several); empty: what a model needs
  bool accept_license = false;  // Meta's licence, without being asked
  // Shows a notice and asks; empty: nobody can be asked, so the answer is no.
  std::function<bool(std::string_view notice)> confirm;
};

// "owner/name".
bool is_repo_id(std::string_view text);

// The snapshot's folder, or the .gguf file when the repository holds no safetensors. Asks the hub
// which commit `revision` is; without a network (or with HF_HUB_OFFLINE=1) what the cache has is
// used.
Result<std::filesystem::path> resolve_model(const std::string& repo, const HubOptions& options);

}  // namespace puna

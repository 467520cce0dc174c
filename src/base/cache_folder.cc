// The environment decides; nothing is made.

#include "base/cache_folder.h"

#include "base/environment.h"

namespace puna {

Result<std::filesystem::path> cache_folder() {
  std::filesystem::path folder = environment("PUNA_CACHE");
  if (!folder.empty()) return folder;
  folder = environment("XDG_CACHE_HOME");
  if (!folder.empty()) return folder / "puna";
  folder = environment("HOME");
  if (!folder.empty()) return folder / ".cache" / "puna";
  return error(StatusCode::kNotFound, "neither PUNA_CACHE nor HOME is set");
}

}  // namespace puna

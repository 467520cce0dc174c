// Writes are renames, so another process never sees half of a file.

#include "hub/hub_cache.h"

#include <algorithm>
#include <cstring>
#include <span>

#include "base/environment.h"
#include "base/mapped_file.h"
#include "base/replace_file.h"

namespace puna {
namespace fs = std::filesystem;
namespace {

constexpr size_t kSmallFileBytesMax = 4096;
constexpr const char* kDefaultEndpoint = "https://huggingface.co";
constexpr const char* kChooseFolder =
    "set HF_HUB_CACHE to a folder with room that you may write to";

std::string first_line(const fs::path& path) {
  const auto text = read_file(path, kSmallFileBytesMax);
  if (!text.ok()) return "";
  return text->substr(0, text->find_first_of("\r\n"));
}

bool is_true(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text == "1" || text == "true" || text == "yes" || text == "on";
}

Status cache_error(const fs::path& path, const std::error_code& code) {
  const bool full = code == std::errc::no_space_on_device;
  return error(full ? StatusCode::kResourceExhausted : StatusCode::kPermissionDenied, "{}: {}; {}",
               path.string(), code.message(), kChooseFolder);
}

}  // namespace

Result<HubSettings> read_hub_settings() {
  HubSettings settings;
  fs::path home = environment("HF_HOME");
  if (home.empty()) {
    const std::string cache = environment("XDG_CACHE_HOME");
    const std::string user = environment("HOME");
    if (cache.empty() && user.empty()) {
      return invalid_argument(
          "neither HF_HOME nor HOME is set; set HF_HOME to a folder for models");
    }
    home = (cache.empty() ? fs::path(user) / ".cache" : fs::path(cache)) / "huggingface";
  }
  settings.cache = environment("HF_HUB_CACHE");
  if (settings.cache.empty()) settings.cache = home / "hub";
  settings.endpoint = environment("HF_ENDPOINT");
  if (settings.endpoint.empty()) settings.endpoint = kDefaultEndpoint;
  while (settings.endpoint.ends_with('/')) settings.endpoint.pop_back();
  settings.token = environment("HF_TOKEN");
  if (settings.token.empty()) {
    const std::string path = environment("HF_TOKEN_PATH");
    settings.token = first_line(path.empty() ? home / "token" : fs::path(path));
  }
  settings.offline = is_true(environment("HF_HUB_OFFLINE"));
  return settings;
}

HubCache::HubCache(const fs::path& cache, const std::string& repo) {
  std::string name = "models--" + repo;
  name.replace(name.find('/'), 1, "--");
  folder_ = cache / name;
  locks_ = cache / ".locks" / name;
}

fs::path HubCache::blob(const HubFile& file) const { return folder_ / "blobs" / file.hash; }

fs::path HubCache::incomplete_blob(const HubFile& file) const {
  return folder_ / "blobs" / (file.hash + ".incomplete");
}

fs::path HubCache::lock(const HubFile& file) const { return locks_ / (file.hash + ".lock"); }

fs::path HubCache::snapshot(const std::string& commit) const {
  return folder_ / "snapshots" / commit;
}

std::optional<std::string> HubCache::find_commit(const std::string& revision) const {
  std::error_code ignored;
  std::string commit = first_line(folder_ / "refs" / revision);
  if (!commit.empty() && fs::is_directory(snapshot(commit), ignored)) return commit;
  if (fs::is_directory(snapshot(revision), ignored)) return revision;
  return std::nullopt;
}

Status HubCache::write_ref(const std::string& revision, const std::string& commit) const {
  const fs::path path = folder_ / "refs" / revision;
  std::error_code failure;
  fs::create_directories(path.parent_path(), failure);
  if (failure) return cache_error(path, failure);
  const Status status = replace_file(path, {std::as_bytes(std::span(commit))});
  return status.ok() ? status : error(status.code(), "{}; {}", status.message(), kChooseFolder);
}

Status HubCache::link(const std::string& commit, const HubFile& file) const {
  const fs::path path = snapshot(commit) / file.path;
  std::error_code failure;
  fs::create_directories(path.parent_path(), failure);
  if (failure) return cache_error(path, failure);
  const fs::path target = fs::relative(blob(file), path.parent_path(), failure);
  if (failure) return cache_error(path, failure);
  if (fs::is_symlink(path, failure) && fs::read_symlink(path, failure) == target) return {};
  fs::remove(path, failure);
  fs::create_symlink(target, path, failure);
  if (failure == std::errc::file_exists) return {};  // another process made it
  return failure ? cache_error(path, failure) : Status();
}

Status HubCache::make_folders() const {
  for (const fs::path& path : {folder_ / "blobs", folder_ / "snapshots", locks_}) {
    std::error_code failure;
    fs::create_directories(path, failure);
    if (failure) return cache_error(path, failure);
  }
  return {};
}

int64_t HubCache::free_bytes() const {
  std::error_code failure;
  const fs::space_info space = fs::space(folder_, failure);
  return failure ? INT64_MAX : static_cast<int64_t>(space.available);
}

}  // namespace puna

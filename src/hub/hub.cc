// Listing, choice, licence, download, and only then the ref: a revision in the cache is complete.

#include "hub/hub.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <vector>

#include "base/bytes.h"
#include "base/file_lock.h"
#include "base/log.h"
#include "base/progress_bar.h"
#include "base/thread.h"
#include "hub/hub_cache.h"
#include "hub/hub_client.h"
#include "hub/hub_hash.h"
#include "hub/hub_listing.h"

namespace puna {
namespace fs = std::filesystem;
namespace {

constexpr size_t kParallelDownloads = 4;
constexpr size_t kRepoIdBytesMax = 96;
constexpr int64_t kRoomToKeepBytes = 64 << 20;

// Slashes and whatever else a branch name may hold, for one segment of a URL's path.
std::string escape_segment(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    escaped += plain ? std::string(1, c)
                     : fmt::format("%{:02X}", static_cast<unsigned>(static_cast<unsigned char>(c)));
  }
  return escaped;
}

std::string escape_path(std::string_view path) {
  std::string escaped;
  for (size_t begin = 0; begin <= path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    if (begin > 0) escaped += '/';
    escaped += escape_segment(path.substr(begin, end - begin));
    begin = end + 1;
  }
  return escaped;
}

// The folder, or its one .gguf file.
fs::path model_in(const fs::path& snapshot, const std::string& file) {
  if (!file.empty()) return snapshot / file;
  std::error_code ignored;
  if (fs::exists(snapshot / "config.json", ignored)) return snapshot;
  for (const auto& entry : fs::directory_iterator(snapshot, ignored)) {
    if (entry.path().extension() == ".gguf") return entry.path();
  }
  return snapshot;
}

class HubPull {
 public:
  HubPull(const std::string& repo, const HubOptions& options, HubSettings settings)
      : repo_(repo),
        options_(options),
        revision_(options.revision.empty() ? "main" : options.revision),
        settings_(std::move(settings)),
        cache_(settings_.cache, repo),
        client_(settings_.endpoint, settings_.token) {}

  Result<fs::path> run() {
    if (settings_.offline) return from_cache("HF_HUB_OFFLINE is set");
    auto answer = client_.get(
        fmt::format("/api/models/{}/revision/{}?blobs=true", repo_, escape_segment(revision_)),
        repo_);
    if (answer.status().code() == StatusCode::kUnavailable && cache_.find_commit(revision_)) {
      log_warning("{}; using what the cache has", answer.status().message());
      return from_cache("");
    }
    RETURN_IF_ERROR(answer.status());
    ASSIGN_OR_RETURN(const HubListing listing, parse_hub_listing(*answer, repo_));
    ASSIGN_OR_RETURN(const std::vector<HubFile> files, choose_files(listing, repo_, options_.file));
    RETURN_IF_ERROR(fetch(listing, files));
    return model_in(cache_.snapshot(listing.commit),
                    files.size() == 1 ? files[0].path : options_.file);
  }

 private:
  Result<fs::path> from_cache(std::string_view why) const {
    const auto commit = cache_.find_commit(revision_);
    const fs::path path = commit ? model_in(cache_.snapshot(*commit), options_.file) : fs::path();
    std::error_code ignored;
    if (commit && fs::exists(path, ignored)) return path;
    return error(StatusCode::kNotFound,
                 "{} ({}{}) is not in the cache {}, and {}; unset it to fetch the model", repo_,
                 revision_, options_.file.empty() ? "" : ", " + options_.file,
                 settings_.cache.string(), why);
  }

  Status fetch(const HubListing& listing, const std::vector<HubFile>& files) {
    std::vector<HubFile> missing;
    int64_t bytes = 0;
    for (const HubFile& file : files) {
      std::error_code ignored;
      if (fs::exists(cache_.blob(file), ignored)) continue;
      missing.push_back(file);
      bytes += file.size;
    }
    if (!missing.empty()) {
      RETURN_IF_ERROR(check_license(listing));
      RETURN_IF_ERROR(cache_.make_folders());
      if (cache_.free_bytes() < bytes + kRoomToKeepBytes) {
        return error(StatusCode::kResourceExhausted,
                     "{}: {} to fetch, and the disk of {} has {} left; make room or set "
                     "HF_HUB_CACHE to another disk",
                     repo_, describe_bytes(bytes), settings_.cache.string(),
                     describe_bytes(cache_.free_bytes()));
      }
      log_info("{}: fetching {} files, {}, at commit {}", repo_, missing.size(),
               describe_bytes(bytes), listing.commit.substr(0, 12));
      RETURN_IF_ERROR(download_all(listing, missing, bytes));
    }
    for (const HubFile& file : files) RETURN_IF_ERROR(cache_.link(listing.commit, file));
    return revision_ == listing.commit ? Status() : cache_.write_ref(revision_, listing.commit);
  }

  Status check_license(const HubListing& listing) const {
    if (!is_meta_licensed(listing, repo_) || options_.accept_license) return {};
    const std::string notice = fmt::format(
        "{} is under Meta's licence{}; read it and the use policy at {}/{}", repo_,
        listing.license.empty() ? "" : " (" + listing.license + ")", settings_.endpoint, repo_);
    if (options_.confirm && options_.confirm(notice)) return {};
    return error(StatusCode::kFailedPrecondition,
                 "{}; nothing was fetched. If you accept it, run the command again with "
                 "--accept-license",
                 notice);
  }

  // The first failure stops the files that have not begun; the others finish or stay resumable.
  Status download_all(const HubListing& listing, const std::vector<HubFile>& files, int64_t bytes) {
    ProgressBar progress(repo_, 0, bytes);
    std::atomic<size_t> next = 0;
    std::mutex mutex;
    Status failure;  // guarded by mutex
    const auto work = [&] {
      for (size_t i = next++; i < files.size(); i = next++) {
        Status status = download(listing.commit, files[i], progress);
        if (status.ok()) continue;
        const std::lock_guard lock(mutex);
        if (failure.ok()) failure = std::move(status);
        next = files.size();
      }
    };
    std::vector<std::thread> threads;
    for (size_t i = 1; i < std::min(kParallelDownloads, files.size()); ++i) {
      auto thread = start_thread("fetching", work);
      if (!thread.ok()) {  // this thread fetches
        log_warning("{} files are fetched at once, and no more: {}", threads.size() + 1,
                    thread.status().message());
        break;
      }
      threads.push_back(std::move(thread).value());
    }
    work();
    for (std::thread& thread : threads) thread.join();
    return failure;
  }

  Status download(const std::string& commit, const HubFile& file, ProgressBar& progress) {
    ASSIGN_OR_RETURN(const FileLock lock, FileLock::acquire(cache_.lock(file)));
    std::error_code ignored;
    if (fs::exists(cache_.blob(file), ignored)) return {};  // another process was faster
    const fs::path incomplete = cache_.incomplete_blob(file);
    const auto begun = fs::exists(incomplete, ignored) ? fs::file_size(incomplete, ignored) : 0;
    if (static_cast<int64_t>(begun) > file.size) {
      fs::remove(incomplete, ignored);
    } else {
      progress.add(static_cast<int64_t>(begun));
    }
    RETURN_IF_ERROR(client_.download(
        fmt::format("/{}/resolve/{}/{}", repo_, commit, escape_path(file.path)), repo_, file.size,
        incomplete, [&](int64_t change) { progress.add(change); }));
    if (const Status status = check_hub_file(incomplete, file); !status.ok()) {
      fs::remove(incomplete, ignored);
      return status.with_context(repo_);
    }
    std::error_code failure;
    fs::rename(incomplete, cache_.blob(file), failure);
    if (!failure) return {};
    return error(StatusCode::kPermissionDenied, "{}: {}", cache_.blob(file).string(),
                 failure.message());
  }

  const std::string& repo_;
  const HubOptions& options_;
  const std::string revision_;
  const HubSettings settings_;
  const HubCache cache_;
  const HubClient client_;
};

bool is_revision(std::string_view text) {
  return !text.starts_with('/') && !text.ends_with('/') && text.find("..") == text.npos &&
         std::none_of(text.begin(), text.end(),
                      [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == '\\'; });
}

}  // namespace

bool is_repo_id(std::string_view text) {
  const size_t slash = text.find('/');
  if (text.size() > kRepoIdBytesMax || slash == text.npos || slash == 0 ||
      slash + 1 == text.size() || text.find("..") != text.npos || text.find("--") != text.npos) {
    return false;
  }
  const auto allowed = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' ||
           c == '.' || c == '_';
  };
  const std::string_view owner = text.substr(0, slash);
  const std::string_view name = text.substr(slash + 1);
  return owner.front() != '.' && owner.front() != '-' && name.front() != '.' &&
         name.front() != '-' && std::all_of(owner.begin(), owner.end(), allowed) &&
         std::all_of(name.begin(), name.end(), allowed);
}

Result<fs::path> resolve_model(const std::string& repo, const HubOptions& options) {
  if (!is_repo_id(repo)) {
    return error(StatusCode::kNotFound,
                 "{}: no such file or folder, and not a hub repository id (owner/name)", repo);
  }
  if (!is_revision(options.revision)) {
    return invalid_argument("--revision {}: not a branch, tag or commit", options.revision);
  }
  ASSIGN_OR_RETURN(HubSettings settings, read_hub_settings());
  return HubPull(repo, options, std::move(settings)).run();
}

}  // namespace puna

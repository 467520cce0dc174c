// Identities of weights, those of earlier starts, and names and locks in the cache's folder.

#include "packed/packed_cache.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/cache_folder.h"
#include "base/checksum.h"
#include "base/log.h"
#include "base/mapped_file.h"
#include "base/progress_bar.h"
#include "base/replace_file.h"
#include "model/model_folder.h"

namespace puna {
namespace fs = std::filesystem;
namespace {

constexpr int64_t kRoomToKeepBytes = 64 << 20;
constexpr char kKnownFolder[] = "known";
constexpr size_t kKnownMax = 1000;
constexpr size_t kHashDigits = 32;

// Small files.
Status add_whole(const fs::path& path, ContentHash& hash) {
  ASSIGN_OR_RETURN(const MappedFile file, MappedFile::open(path));
  hash.add(file.bytes());
  return Status();
}

// "int4 group 32" as a part of a file name.
std::string file_name_part(std::string_view format) {
  std::string part(format);
  std::replace(part.begin(), part.end(), ' ', '-');
  return part;
}

// So that a container whose files have a new inode at every start fills no disk.
void forget_oldest(const fs::path& folder) {
  std::vector<std::pair<fs::file_time_type, fs::path>> all;
  std::error_code failure;
  for (fs::directory_iterator entry(folder, failure), end; !failure && entry != end;
       entry.increment(failure)) {
    std::error_code unknown;
    all.emplace_back(entry->last_write_time(unknown), entry->path());
  }
  if (all.size() < kKnownMax) return;
  std::sort(all.begin(), all.end());
  for (size_t i = 0; i < all.size() / 2; ++i) fs::remove(all[i].second, failure);
}

}  // namespace

Result<std::string> hash_of_files(const std::vector<fs::path>& paths) {
  ContentHash hash;
  for (const fs::path& path : paths) {
    hash.add(path.filename().string());
    if (is_there(path)) RETURN_IF_ERROR(add_whole(path, hash));
  }
  return hash.hexadecimal();
}

Result<PackedIdentity> identify_weights(const Checkpoint& checkpoint, std::string_view recipe,
                                        const PackedCache* cache, ThreadPool& pool) {
  ASSIGN_OR_RETURN(WeightFiles files, WeightFiles::open(checkpoint.weight_files));
  PackedIdentity identity;
  const auto known = cache == nullptr ? std::nullopt : cache->recall(files.stamp());
  identity.is_recalled = known.has_value();
  if (known) {
    identity.weights = *known;
  } else {
    ASSIGN_OR_RETURN(identity.weights, files.hash(pool));
    if (!files.are_unchanged()) {
      return error(StatusCode::kUnavailable, "{}: its weights are being written; start again later",
                   checkpoint.path.string());
    }
    if (cache != nullptr && files.are_settled()) cache->remember(files.stamp(), identity.weights);
  }
  identity.files = std::make_shared<const WeightFiles>(std::move(files));
  ContentHash content;
  content.add(recipe);
  content.add(identity.weights);
  // It may say how values are to be read, as for AWQ and GPTQ.
  const fs::path config = checkpoint.path / "config.json";
  if (is_there(config)) RETURN_IF_ERROR(add_whole(config, content));
  for (const AdapterInfo& adapter : checkpoint.adapters) {
    RETURN_IF_ERROR(add_whole(adapter.path / "adapter_config.json", content));
    RETURN_IF_ERROR(add_whole(adapter.path / "adapter_model.safetensors", content));
  }
  identity.content = content.hexadecimal();
  return identity;
}

Result<PackedCache> PackedCache::open() {
  ASSIGN_OR_RETURN(const fs::path cache, cache_folder());
  const fs::path folder = cache / "packed";
  std::error_code failure;
  fs::create_directories(folder, failure);
  if (failure) return file_error(folder, failure.value());
  return PackedCache(folder);
}

fs::path PackedCache::path_of(const PackedIdentity& identity, std::string_view format,
                              uint32_t layout_version) const {
  return folder_ /
         fmt::format("{}-{}-v{}.packed", identity.content, file_name_part(format), layout_version);
}

Result<FileLock> PackedCache::lock(const fs::path& path) const {
  return FileLock::acquire(path.string() + ".lock", [&] {
    log_info("another process packs the same weights ({}); waiting for it", path.string());
  });
}

void PackedCache::remove_other_layouts(const fs::path& path) const {
  const std::string name = path.filename().string();
  const std::string stem = name.substr(0, name.rfind("-v") + 2);
  std::error_code failure;
  for (fs::directory_iterator entry(folder_, failure), end; !failure && entry != end;
       entry.increment(failure)) {
    const std::string other = entry->path().filename().string();
    if (other == name || !other.starts_with(stem) || !other.ends_with(".packed")) continue;
    std::error_code ignored;
    if (fs::remove(entry->path(), ignored)) {
      log_info("removed {}: an older layout of the same weights", entry->path().string());
    }
  }
}

// A file for each stamp, its content the hash.
std::optional<std::string> PackedCache::recall(const std::string& stamp) const {
  const auto text = read_file(folder_ / kKnownFolder / stamp, kHashDigits);
  if (!text.ok() || text->size() != kHashDigits) return std::nullopt;
  return *text;
}

void PackedCache::remember(const std::string& stamp, const std::string& hash) const {
  const fs::path folder = folder_ / kKnownFolder;
  std::error_code failure;
  fs::create_directories(folder, failure);
  forget_oldest(folder);
  // Without it the next start reads the weights again.
  static_cast<void>(replace_file(folder / stamp, {std::as_bytes(std::span(hash))}));
}

void PackedCache::forget(const std::string& stamp) const {
  std::error_code ignored;
  fs::remove(folder_ / kKnownFolder / stamp, ignored);
}

Status check_disk_room(const fs::path& path, int64_t bytes) {
  std::error_code failure;
  const fs::space_info space =
      fs::space(path.has_parent_path() ? path.parent_path() : fs::path("."), failure);
  if (failure || space.available > static_cast<uintmax_t>(bytes + kRoomToKeepBytes)) {
    return Status();  // unknown room is found out by writing
  }
  return error(StatusCode::kResourceExhausted, "{}: {} are needed and {} are free", path.string(),
               describe_bytes(bytes), describe_bytes(static_cast<int64_t>(space.available)));
}

}  // namespace puna

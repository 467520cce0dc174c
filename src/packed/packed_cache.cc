// Hashes of samples for identities; names and locks in the cache's folder.

#include "packed/packed_cache.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "base/checksum.h"
#include "base/file_descriptor.h"
#include "base/log.h"
#include "base/mapped_file.h"
#include "base/progress_bar.h"
#include "model/model_folder.h"

namespace puna {
namespace fs = std::filesystem;
namespace {

// Headers of safetensors and GGUF files, with the tokenizer of most.
constexpr uint64_t kHeadBytes = 8 << 20;
// Of all files together, so that a checkpoint of many shards is identified as fast as one of one.
constexpr uint64_t kSamplesMax = 256;
constexpr uint64_t kSamplesPerFileMin = 8;
constexpr uint64_t kSampleBytes = 4096;
constexpr int64_t kRoomToKeepBytes = 64 << 20;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

struct WeightFile {
  fs::path path;
  FileDescriptor file;
  uint64_t bytes = 0;
  timespec modified = {};
};

Result<WeightFile> open_weight_file(const fs::path& path) {
  WeightFile opened;
  opened.path = path;
  ASSIGN_OR_RETURN(opened.file, FileDescriptor::open_regular(path));
  ASSIGN_OR_RETURN(const struct stat info, opened.file.info(path));
  opened.bytes = static_cast<uint64_t>(info.st_size);
  opened.modified = info.st_mtim;
  return opened;
}

// The head, then `samples` spread evenly from the first byte to the last.
Status add_samples(const WeightFile& weights, uint64_t samples, ContentHash& hash) {
  std::vector<std::byte> buffer(std::min(weights.bytes, kHeadBytes));
  RETURN_IF_ERROR(weights.file.read_at(0, buffer, weights.path));
  hash.add(weights.bytes);
  hash.add(buffer);
  if (weights.bytes <= kHeadBytes) return Status();
  buffer.resize(kSampleBytes);
  const uint64_t last = weights.bytes - kSampleBytes;
  for (uint64_t i = 0; i < samples; ++i) {
    const uint64_t offset = i + 1 == samples ? last : last / samples * i;
    RETURN_IF_ERROR(weights.file.read_at(offset, buffer, weights.path));
    hash.add(buffer);
  }
  return Status();
}

// All bytes: these files are small, and most of two adapters' bytes may be equal.
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

Result<fs::path> cache_folder() {
  fs::path folder = environment("PUNA_CACHE");
  if (!folder.empty()) return folder;
  folder = environment("XDG_CACHE_HOME");
  if (!folder.empty()) return folder / "puna";
  folder = environment("HOME");
  if (!folder.empty()) return folder / ".cache" / "puna";
  return error(StatusCode::kNotFound, "neither PUNA_CACHE nor HOME is set");
}

}  // namespace

Result<PackedIdentity> identify_weights(const Checkpoint& checkpoint, std::string_view recipe) {
  std::vector<WeightFile> files;
  uint64_t total = 0;
  for (const fs::path& path : checkpoint.weight_files) {
    ASSIGN_OR_RETURN(WeightFile file, open_weight_file(path));
    total += file.bytes;
    files.push_back(std::move(file));
  }
  ContentHash content;
  ContentHash revision;
  content.add(recipe);
  for (const WeightFile& file : files) {
    const auto share =
        static_cast<uint64_t>(static_cast<double>(kSamplesMax) * static_cast<double>(file.bytes) /
                              static_cast<double>(std::max<uint64_t>(total, 1)));
    RETURN_IF_ERROR(add_samples(file, std::max(share, kSamplesPerFileMin), content));
    revision.add(static_cast<uint64_t>(file.modified.tv_sec));
    revision.add(static_cast<uint64_t>(file.modified.tv_nsec));
  }
  // It may say how values are to be read, as for AWQ and GPTQ.
  const fs::path config = checkpoint.path / "config.json";
  if (is_there(config)) RETURN_IF_ERROR(add_whole(config, content));
  for (const AdapterInfo& adapter : checkpoint.adapters) {
    RETURN_IF_ERROR(add_whole(adapter.path / "adapter_config.json", content));
    RETURN_IF_ERROR(add_whole(adapter.path / "adapter_model.safetensors", content));
  }
  PackedIdentity identity;
  identity.content = content.hexadecimal();
  revision.add(identity.content);
  identity.revision = revision.hexadecimal();
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
         fmt::format("{}-{}-v{}.packed", identity.revision, file_name_part(format), layout_version);
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

// Which packed file belongs to a checkpoint, and where it lies between starts.
//
//   $PUNA_CACHE, else $XDG_CACHE_HOME/puna, else ~/.cache/puna
//     packed/CONTENT-FORMAT-vLAYOUT.packed
//     packed/known/STAMP   the hash of weight files that an earlier start has read
// A checkpoint may be moved, renamed or copied: its path is no part of the name.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_lock.h"
#include "base/status.h"
#include "model/checkpoint.h"
#include "packed/weight_files.h"

namespace puna {

class PackedCache;

struct PackedIdentity {
  // Of the weights as they are packed: every byte of the weight files, of config.json and adapters.
  std::string content;
  std::string weights;  // hash of the weight files alone
  // Whether that is of an earlier start, which read files of the same stamp.
  bool is_recalled = false;
  std::shared_ptr<const WeightFiles> files;
};

// `recipe` is what else decides the packed values, as text: the calibration of the quantiser.
// Reads the weight files unless `cache`, which may be null, knows their stamp.
Result<PackedIdentity> identify_weights(const Checkpoint& checkpoint, std::string_view recipe,
                                        const PackedCache* cache, ThreadPool& pool);

// Of small files, whole; those that are not there are left out.
Result<std::string> hash_of_files(const std::vector<std::filesystem::path>& paths);

class PackedCache {
 public:
  // By the environment. kNotFound when it names no folder, kPermissionDenied when that cannot be
  // made.
  static Result<PackedCache> open();

  // `format` is "int4 group 32"; it may hold letters, digits and spaces.
  std::filesystem::path path_of(const PackedIdentity& identity, std::string_view format,
                                uint32_t layout_version) const;
  // The hash of the weight files with this stamp, when a start has remembered it.
  std::optional<std::string> recall(const std::string& stamp) const;
  void remember(const std::string& stamp, const std::string& hash) const;
  void forget(const std::string& stamp) const;
  // Held while a file is made, so that processes that start together make it once.
  Result<FileLock> lock(const std::filesystem::path& path) const;
  // Files of the same checkpoint and format in other layouts, which no start of this version reads.
  void remove_other_layouts(const std::filesystem::path& path) const;

 private:
  explicit PackedCache(std::filesystem::path folder) : folder_(std::move(folder)) {}

  std::filesystem::path folder_;
};

// kResourceExhausted, with what is there, unless `bytes` and some room to spare are free where
// `path` will be.
Status check_disk_room(const std::filesystem::path& path, int64_t bytes);

}  // namespace puna

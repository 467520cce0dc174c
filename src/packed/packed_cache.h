// Which packed file belongs to a checkpoint, and where it lies between starts.
//
//   $PUNA_CACHE, else $XDG_CACHE_HOME/puna, else ~/.cache/puna
//     packed/IDENTITY-FORMAT-vLAYOUT.packed
// A checkpoint may be moved or renamed: its path is no part of the name.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/file_lock.h"
#include "base/status.h"
#include "model/checkpoint.h"

namespace puna {

struct PackedIdentity {
  // Of the weights: sizes, headers and samples of the weight files; config.json and adapters whole.
  std::string content;
  // The same with the files' modification times, which tell what samples may miss.
  std::string revision;
};

// `recipe` is what else decides the packed values, as text: the calibration of the quantiser.
Result<PackedIdentity> identify_weights(const Checkpoint& checkpoint, std::string_view recipe);

class PackedCache {
 public:
  // By the environment. kNotFound when it names no folder, kPermissionDenied when that cannot be
  // made.
  static Result<PackedCache> open();

  // `format` is "int4 group 32"; it may hold letters, digits and spaces.
  std::filesystem::path path_of(const PackedIdentity& identity, std::string_view format,
                                uint32_t layout_version) const;
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

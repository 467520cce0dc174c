// MappedFile: a whole file as read-only memory, unmapped when destroyed. Movable, not copyable.
//
// A file that shrinks while mapped raises SIGBUS on access: replace checkpoints by renaming, never
// in place.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

#include "base/status.h"

namespace puna {

class MappedFile {
 public:
  MappedFile() = default;
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  // Refuses what is not a regular file (a pipe or device would block or never end).
  static Result<MappedFile> open(const std::filesystem::path& path);

  std::span<const std::byte> bytes() const { return {data_, size_}; }

 private:
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
};

// Reads a small file whole; `bytes_max` guards against a huge one.
Result<std::string> read_file(const std::filesystem::path& path, size_t bytes_max);

}  // namespace puna

// FileDescriptor: an open file, closed when destroyed, whose reads and writes are whole or fail.
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

#include "base/status.h"

namespace puna {

// What the system said about a file: "PATH: reason". `number` is an errno; a full disk is
// kResourceExhausted.
Status file_error(const std::filesystem::path& path, int number);

class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int descriptor) : descriptor_(descriptor) {}
  FileDescriptor(FileDescriptor&& other) noexcept;
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;
  ~FileDescriptor();

  // `flags` as of open(2); O_CLOEXEC is added.
  static Result<FileDescriptor> open(const std::filesystem::path& path, int flags);
  // For reading. Refuses what is not a regular file: a pipe or device would block or never end.
  static Result<FileDescriptor> open_regular(const std::filesystem::path& path);

  int get() const { return descriptor_; }
  // `path` is for messages.
  Result<struct stat> info(const std::filesystem::path& path) const;
  // kDataLoss when the file ends before `out` is full.
  Status read_at(uint64_t offset, std::span<std::byte> out,
                 const std::filesystem::path& path) const;
  Status write_at(uint64_t offset, std::span<const std::byte> bytes,
                  const std::filesystem::path& path) const;

 private:
  int descriptor_ = -1;
};

}  // namespace puna

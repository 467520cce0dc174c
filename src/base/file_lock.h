// FileLock: one process at a time, held until it is destroyed or the process ends.
//
// flock(2) on a file of its own that is never removed: removing it would let two processes hold
// locks on two files of one name.
#pragma once

#include <filesystem>
#include <functional>

#include "base/status.h"

namespace puna {

class FileLock {
 public:
  // Makes the file if it is not there and waits for the lock; `on_wait` is called first when
  // another process holds it. kUnimplemented on a file system without locks.
  static Result<FileLock> acquire(
      const std::filesystem::path& path, const std::function<void()>& on_wait = [] {});
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&&) = delete;
  ~FileLock();

 private:
  explicit FileLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

}  // namespace puna

// flock() behind file_lock.h.

#include "base/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/file_descriptor.h"

namespace puna {
namespace {

// 0, or the number of the error.
int lock_file(int descriptor, int operation) {
  while (::flock(descriptor, operation) != 0) {
    if (errno != EINTR) return errno;
  }
  return 0;
}

}  // namespace

Result<FileLock> FileLock::acquire(const std::filesystem::path& path,
                                   const std::function<void()>& on_wait) {
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (descriptor < 0) return file_error(path, errno);
  FileLock lock(descriptor);
  int failure = lock_file(descriptor, LOCK_EX | LOCK_NB);
  if (failure == EWOULDBLOCK) {
    on_wait();
    failure = lock_file(descriptor, LOCK_EX);
  }
  if (failure != 0) return file_error(path, failure);
  return lock;
}

FileLock::FileLock(FileLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

FileLock::~FileLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace puna

// open, pread and pwrite behind file_descriptor.h, repeated after signals and after part of the
// work.

#include "base/file_descriptor.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

namespace puna {
namespace {

// Linux moves at most 2 GiB less a page in one call; less also keeps a call from taking long.
constexpr size_t kCallBytesMax = size_t{1} << 26;

StatusCode code_of(int number) {
  switch (number) {
    case ENOENT:
    case ENOTDIR:
      return StatusCode::kNotFound;
    case EACCES:
    case EPERM:
    case EROFS:
      return StatusCode::kPermissionDenied;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return StatusCode::kResourceExhausted;
    case ENOLCK:
    case ENOSYS:
    case EOPNOTSUPP:
      return StatusCode::kUnimplemented;
    default:
      return StatusCode::kUnavailable;
  }
}

}  // namespace

Status file_error(const std::filesystem::path& path, int number) {
  return error(code_of(number), "{}: {}", path.string(), std::generic_category().message(number));
}

FileDescriptor::FileDescriptor(FileDescriptor&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)) {}

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

FileDescriptor::~FileDescriptor() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<FileDescriptor> FileDescriptor::open(const std::filesystem::path& path, int flags) {
  FileDescriptor file(::open(path.c_str(), flags | O_CLOEXEC, 0644));
  if (file.get() < 0) return file_error(path, errno);
  return file;
}

Result<FileDescriptor> FileDescriptor::open_regular(const std::filesystem::path& path) {
  // O_NONBLOCK: a pipe is refused below instead of waited for here.
  ASSIGN_OR_RETURN(FileDescriptor file, open(path, O_RDONLY | O_NONBLOCK));
  ASSIGN_OR_RETURN(const struct stat info, file.info(path));
  if (!S_ISREG(info.st_mode)) return invalid_argument("{}: not a regular file", path.string());
  return file;
}

Result<struct stat> FileDescriptor::info(const std::filesystem::path& path) const {
  struct stat info = {};
  if (::fstat(descriptor_, &info) != 0) return file_error(path, errno);
  return info;
}

Status FileDescriptor::read_at(uint64_t offset, std::span<std::byte> out,
                               const std::filesystem::path& path) const {
  while (!out.empty()) {
    const ssize_t count = ::pread(descriptor_, out.data(), std::min(out.size(), kCallBytesMax),
                                  static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return file_error(path, errno);
    if (count == 0) {
      return error(StatusCode::kDataLoss, "{}: ends at byte {}, {} more were expected",
                   path.string(), offset, out.size());
    }
    offset += static_cast<uint64_t>(count);
    out = out.subspan(static_cast<size_t>(count));
  }
  return Status();
}

Status FileDescriptor::write_at(uint64_t offset, std::span<const std::byte> bytes,
                                const std::filesystem::path& path) const {
  while (!bytes.empty()) {
    const ssize_t count = ::pwrite(descriptor_, bytes.data(), std::min(bytes.size(), kCallBytesMax),
                                   static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return file_error(path, errno);
    offset += static_cast<uint64_t>(count);
    bytes = bytes.subspan(static_cast<size_t>(count));
  }
  return Status();
}

}  // namespace puna

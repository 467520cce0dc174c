// mmap behind mapped_file.h.

#include "base/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace puna {
namespace {

Status errno_status(const std::filesystem::path& path, int number) {
  StatusCode code = StatusCode::kUnavailable;
  if (number == ENOENT || number == ENOTDIR) code = StatusCode::kNotFound;
  if (number == EACCES || number == EPERM) code = StatusCode::kPermissionDenied;
  return error(code, "{}: {}", path.string(), std::strerror(number));
}

class FileDescriptor {
 public:
  explicit FileDescriptor(int descriptor) : descriptor_(descriptor) {}
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  ~FileDescriptor() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  int get() const { return descriptor_; }

 private:
  int descriptor_;
};

// Opens `path` for reading and gives its size; O_NONBLOCK so that a pipe is refused instead of
// waited for.
Result<size_t> regular_file_size(const FileDescriptor& file, const std::filesystem::path& path) {
  if (file.get() < 0) return errno_status(path, errno);
  struct stat info = {};
  if (::fstat(file.get(), &info) != 0) return errno_status(path, errno);
  if (!S_ISREG(info.st_mode)) return invalid_argument("{}: not a regular file", path.string());
  return static_cast<size_t>(info.st_size);
}

}  // namespace

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

Result<MappedFile> MappedFile::open(const std::filesystem::path& path) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  ASSIGN_OR_RETURN(const size_t size, regular_file_size(file, path));
  MappedFile mapped;
  if (size == 0) return mapped;  // mmap refuses length 0
  void* data = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.get(), 0);
  if (data == MAP_FAILED) return errno_status(path, errno);
  mapped.data_ = static_cast<const std::byte*>(data);
  mapped.size_ = size;
  return mapped;
}

Result<std::string> read_file(const std::filesystem::path& path, size_t bytes_max) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  ASSIGN_OR_RETURN(const size_t size, regular_file_size(file, path));
  if (size > bytes_max) {
    return invalid_argument("{}: {} bytes, above the limit of {} for this kind of file",
                            path.string(), size, bytes_max);
  }
  std::string text(size, '\0');
  size_t done = 0;
  while (done < size) {
    const ssize_t count = ::read(file.get(), text.data() + done, size - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno_status(path, errno);
    if (count == 0) break;  // shrank since fstat
    done += static_cast<size_t>(count);
  }
  text.resize(done);
  return text;
}

}  // namespace puna

// mmap behind mapped_file.h.

#include "base/mapped_file.h"

#include <sys/mman.h>

#include <cerrno>
#include <utility>

#include "base/file_descriptor.h"

namespace puna {

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
  ASSIGN_OR_RETURN(const FileDescriptor file, FileDescriptor::open_regular(path));
  ASSIGN_OR_RETURN(const struct stat info, file.info(path));
  const auto size = static_cast<size_t>(info.st_size);
  MappedFile mapped;
  if (size == 0) return mapped;  // mmap refuses length 0
  void* data = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.get(), 0);
  if (data == MAP_FAILED) return file_error(path, errno);
  mapped.data_ = static_cast<const std::byte*>(data);
  mapped.size_ = size;
  return mapped;
}

Result<std::string> read_file(const std::filesystem::path& path, size_t bytes_max) {
  ASSIGN_OR_RETURN(const FileDescriptor file, FileDescriptor::open_regular(path));
  ASSIGN_OR_RETURN(const struct stat info, file.info(path));
  const auto size = static_cast<size_t>(info.st_size);
  if (size > bytes_max) {
    return invalid_argument("{}: {} bytes, above the limit of {} for this kind of file",
                            path.string(), size, bytes_max);
  }
  std::string text(size, '\0');
  RETURN_IF_ERROR(file.read_at(0, std::as_writable_bytes(std::span(text)), path));
  return text;
}

}  // namespace puna

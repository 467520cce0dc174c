// The process's number keeps writers apart.

#include "base/replace_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <system_error>

#include "base/file_descriptor.h"

namespace puna {
namespace {

Status write(const std::filesystem::path& path,
             std::initializer_list<std::span<const std::byte>> parts) {
  ASSIGN_OR_RETURN(const FileDescriptor file,
                   FileDescriptor::open(path, O_WRONLY | O_CREAT | O_TRUNC));
  uint64_t offset = 0;
  for (const auto part : parts) {
    RETURN_IF_ERROR(file.write_at(offset, part, path));
    offset += part.size();
  }
  return {};
}

}  // namespace

Status replace_file(const std::filesystem::path& path,
                    std::initializer_list<std::span<const std::byte>> parts) {
  const std::filesystem::path beside = fmt::format("{}.{}", path.string(), ::getpid());
  Status status = write(beside, parts);
  std::error_code failure;
  if (status.ok()) std::filesystem::rename(beside, path, failure);
  if (failure) status = file_error(path, failure.value());
  if (!status.ok()) std::filesystem::remove(beside, failure);
  return status;
}

}  // namespace puna

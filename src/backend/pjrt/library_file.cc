// The ELF-64 header, its program headers and where its section headers end: elf(5).

#include "backend/pjrt/library_file.h"

#include <elf.h>

#include <cstdint>
#include <cstring>
#include <system_error>

#include "base/mapped_file.h"

namespace puna::pjrt {
namespace {

// Whether `count` things of `size` bytes from `offset` on are within a file.
bool fits(uint64_t offset, uint64_t count, uint64_t size, uint64_t file_size) {
  return offset <= file_size && (size == 0 || count <= (file_size - offset) / size);
}

}  // namespace

Status check_library(std::span<const std::byte> file, std::string_view name) {
  Elf64_Ehdr head;
  if (file.size() < sizeof head || std::memcmp(file.data(), ELFMAG, SELFMAG) != 0) {
    return invalid_argument("{} is no shared library", name);
  }
  std::memcpy(&head, file.data(), sizeof head);
  if (head.e_ident[EI_CLASS] != ELFCLASS64 || head.e_phentsize != sizeof(Elf64_Phdr)) {
    return invalid_argument("{} is no shared library of 64 bits", name);
  }
  bool is_whole = fits(head.e_phoff, head.e_phnum, sizeof(Elf64_Phdr), file.size()) &&
                  fits(head.e_shoff, head.e_shnum, head.e_shentsize, file.size());
  for (size_t i = 0; is_whole && i < head.e_phnum; ++i) {
    Elf64_Phdr segment;
    std::memcpy(&segment, file.data() + head.e_phoff + i * sizeof segment, sizeof segment);
    is_whole = fits(segment.p_offset, segment.p_filesz, 1, file.size());
  }
  if (is_whole) return {};
  return invalid_argument("{} is cut off: copy or install it again", name);
}

Status check_library_file(const std::filesystem::path& path) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) {
    return error(StatusCode::kNotFound, "{}: no such PJRT plugin", path.string());
  }
  ASSIGN_OR_RETURN(const MappedFile file, MappedFile::open(path));
  return check_library(file.bytes(), path.string());
}

}  // namespace puna::pjrt

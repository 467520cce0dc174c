// Opening a packed file, and its data piece by piece.

#include "packed/packed_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/checksum.h"
#include "base/log.h"
#include "base/progress_bar.h"

namespace puna {
namespace {

bool is_modified(const struct stat& info, const PackedHeader& header) {
  return info.st_mtim.tv_sec != header.modified_seconds ||
         info.st_mtim.tv_nsec != header.modified_nanoseconds;
}

}  // namespace

Result<PackedFile> PackedFile::open(const std::filesystem::path& path, uint32_t layout_version) {
  PackedFile packed;
  packed.path_ = path;
  ASSIGN_OR_RETURN(packed.file_, FileDescriptor::open_regular(path));
  ASSIGN_OR_RETURN(const struct stat info, packed.file_.info(path));
  std::vector<std::byte> bytes(kPackedHeaderBytes);
  RETURN_IF_ERROR(packed.file_.read_at(0, bytes, path));
  auto header = parse_packed_header(bytes);
  if (!header.ok()) return header.status().with_context(path.string());
  packed.header_ = *header;
  if (header->layout_version != layout_version) {
    return error(StatusCode::kFailedPrecondition, "{}: layout version {}, {} is read here",
                 path.string(), header->layout_version, layout_version);
  }
  if (static_cast<uint64_t>(info.st_size) != header->file_bytes()) {
    return error(StatusCode::kDataLoss, "{}: {} bytes, {} were written", path.string(),
                 info.st_size, header->file_bytes());
  }
  std::string text(header->table_bytes, '\0');
  RETURN_IF_ERROR(
      packed.file_.read_at(header->table_offset(), std::as_writable_bytes(std::span(text)), path));
  auto table = parse_packed_table(text, *header);
  if (!table.ok()) return table.status().with_context(path.string());
  packed.table_ = std::move(*table);
  if (is_modified(info, *header)) RETURN_IF_ERROR(packed.verify());
  return packed;
}

Status PackedFile::verify() const {
  log_info("{}: has another modification time than it was given; checking its bytes",
           path_.string());
  ProgressBar progress("checking " + path_.filename().string(), 0,
                       static_cast<int64_t>(data_bytes()));
  std::vector<std::byte> piece(kPackedPieceBytes);
  for (size_t i = 0; i < piece_count(); ++i) {
    const size_t size = piece_bytes(i);
    RETURN_IF_ERROR(read_piece(i, std::span(piece).first(size)));
    progress.add(static_cast<int64_t>(size));
  }
  // So that the next start need not look again. Not ours to change: then it looks again.
  const timespec modified = {.tv_sec = header_.modified_seconds,
                             .tv_nsec = header_.modified_nanoseconds};
  const timespec times[2] = {{.tv_sec = 0, .tv_nsec = UTIME_OMIT}, modified};
  ::futimens(file_.get(), times);
  return Status();
}

const PackedEntry* PackedFile::find(std::string_view name) const {
  const auto found = table_.entries.find(name);
  return found == table_.entries.end() ? nullptr : &found->second;
}

uint64_t PackedFile::piece_bytes(size_t piece) const {
  return std::min(kPackedPieceBytes, header_.data_bytes - piece * kPackedPieceBytes);
}

Status PackedFile::read_piece(size_t piece, std::span<std::byte> out) const {
  RETURN_IF_ERROR(file_.read_at(kPackedDataOffset + piece * kPackedPieceBytes, out, path_));
  if (checksum(out) == table_.checksums[piece]) return Status();
  return error(StatusCode::kDataLoss, "{}: piece {} of {} is damaged", path_.string(), piece,
               piece_count());
}

void PackedFile::remove() const {
  struct stat named = {};
  const auto opened = file_.info(path_);
  if (!opened.ok() || ::stat(path_.c_str(), &named) != 0) return;
  if (named.st_dev == opened->st_dev && named.st_ino == opened->st_ino) ::unlink(path_.c_str());
}

}  // namespace puna

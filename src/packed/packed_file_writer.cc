// Writing in the order of the file. The file has no name until it is whole where the file system
// can do that (O_TMPFILE), and an own one elsewhere.

#include "packed/packed_file_writer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <ctime>

namespace puna {
namespace {

namespace fs = std::filesystem;

// Of this process and this call alone, in the folder of `path`.
fs::path temporary_name(const fs::path& path) {
  static std::atomic<int> counter = 0;
  return fmt::format("{}.{}-{}.incomplete", path.string(), ::getpid(), counter++);
}

fs::path folder_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

Status sync_folder(const fs::path& folder) {
  ASSIGN_OR_RETURN(const FileDescriptor file, FileDescriptor::open(folder, O_RDONLY));
  return ::fsync(file.get()) == 0 ? Status() : file_error(folder, errno);
}

Status set_modification_time(const FileDescriptor& file, const timespec& time,
                             const fs::path& path) {
  const timespec times[2] = {{.tv_sec = 0, .tv_nsec = UTIME_OMIT}, time};
  return ::futimens(file.get(), times) == 0 ? Status() : file_error(path, errno);
}

}  // namespace

Result<PackedFileWriter> PackedFileWriter::create(const fs::path& path, PackedInfo info) {
  PackedFileWriter writer;
  writer.path_ = path;
  writer.layout_version_ = info.layout_version;
  writer.table_.info = std::move(info);
  auto unnamed = FileDescriptor::open(folder_of(path), O_RDWR | O_TMPFILE);
  if (unnamed.ok()) {
    writer.file_ = std::move(*unnamed);
    return writer;
  }
  const fs::path temporary = temporary_name(path);
  ASSIGN_OR_RETURN(writer.file_, FileDescriptor::open(temporary, O_RDWR | O_CREAT | O_EXCL));
  writer.temporary_ = temporary;
  return writer;
}

PackedFileWriter::~PackedFileWriter() {
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

Status PackedFileWriter::add(const std::string& name, Json metadata,
                             std::span<const std::byte> bytes) {
  const bool is_new = table_.entries
                          .emplace(name, PackedEntry{.offset = data_bytes_,
                                                     .bytes = bytes.size(),
                                                     .metadata = std::move(metadata)})
                          .second;
  CHECK(is_new, "an entry's name is used once");
  const uint64_t begin = data_bytes_;
  RETURN_IF_ERROR(write(bytes));
  static constexpr std::byte kZeros[kPackedAlignment] = {};
  const uint64_t padding = (kPackedAlignment - bytes.size() % kPackedAlignment) % kPackedAlignment;
  RETURN_IF_ERROR(write(std::span(kZeros).first(padding)));
  // The disk begins now, so that commit() waits for less. Only advice.
  ::sync_file_range(file_.get(), static_cast<off_t>(kPackedDataOffset + begin),
                    static_cast<off_t>(data_bytes_ - begin), SYNC_FILE_RANGE_WRITE);
  return Status();
}

Status PackedFileWriter::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const uint64_t room = kPackedPieceBytes - data_bytes_ % kPackedPieceBytes;
    const auto part = bytes.first(std::min<uint64_t>(bytes.size(), room));
    RETURN_IF_ERROR(file_.write_at(kPackedDataOffset + data_bytes_, part, path_));
    piece_.add(part);
    data_bytes_ += part.size();
    if (data_bytes_ % kPackedPieceBytes == 0) {
      table_.checksums.push_back(piece_.value());
      piece_.restart();
    }
    bytes = bytes.subspan(part.size());
  }
  return Status();
}

Status PackedFileWriter::commit() {
  RETURN_IF_ERROR(write_end());
  return publish();
}

// The modification time is that of now, as coarse as the file system keeps it. Nobody can have
// written to the file later and find the same time in it: the time is taken before the last write.
Status PackedFileWriter::write_end() {
  if (data_bytes_ % kPackedPieceBytes != 0) table_.checksums.push_back(piece_.value());
  const std::string text = serialize(table_);
  RETURN_IF_ERROR(
      file_.write_at(kPackedDataOffset + data_bytes_, std::as_bytes(std::span(text)), path_));
  timespec now = {};
  ::clock_gettime(CLOCK_REALTIME, &now);
  now.tv_sec -= 1;  // a coarse clock may lag behind this one
  RETURN_IF_ERROR(set_modification_time(file_, now, path_));
  ASSIGN_OR_RETURN(const struct stat info, file_.info(path_));
  const PackedHeader header = {.layout_version = layout_version_,
                               .data_bytes = data_bytes_,
                               .table_bytes = text.size(),
                               .table_checksum = checksum(std::as_bytes(std::span(text))),
                               .modified_seconds = info.st_mtim.tv_sec,
                               .modified_nanoseconds = info.st_mtim.tv_nsec};
  RETURN_IF_ERROR(file_.write_at(0, serialize(header), path_));
  RETURN_IF_ERROR(set_modification_time(file_, info.st_mtim, path_));
  // Before the rename: after a power cut the path names a whole file or none.
  return ::fsync(file_.get()) == 0 ? Status() : file_error(path_, errno);
}

Status PackedFileWriter::publish() {
  if (temporary_.empty()) {
    const fs::path name = temporary_name(path_);
    const std::string opened = fmt::format("/proc/self/fd/{}", file_.get());
    if (::linkat(AT_FDCWD, opened.c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) != 0) {
      return file_error(name, errno);
    }
    temporary_ = name;
  }
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) return file_error(path_, errno);
  temporary_.clear();
  return sync_folder(folder_of(path_));
}

}  // namespace puna

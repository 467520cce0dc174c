// PackedFileWriter: writes a packed file beside its place and moves it there when it is whole.
//
// Until commit() nobody else sees anything, and a writer that is destroyed, killed or out of disk
// leaves nothing behind. Two writers of one path are right whatever the order: the last wins.
#pragma once

#include <filesystem>
#include <string>

#include "base/checksum.h"
#include "base/file_descriptor.h"
#include "packed/packed_file.h"

namespace puna {

class PackedFileWriter {
 public:
  static Result<PackedFileWriter> create(const std::filesystem::path& path, PackedInfo info);
  PackedFileWriter(PackedFileWriter&& other) noexcept = default;
  PackedFileWriter& operator=(PackedFileWriter&& other) = delete;
  ~PackedFileWriter();

  // kResourceExhausted when the disk is full. After an error only destroying is left to do.
  Status add(const std::string& name, Json metadata, std::span<const std::byte> bytes);
  // To the disk, then to the path.
  Status commit();

 private:
  PackedFileWriter() = default;
  Status write(std::span<const std::byte> bytes);
  Status write_end();
  Status publish();

  std::filesystem::path path_;
  std::filesystem::path temporary_;  // empty while the file has no name
  FileDescriptor file_;
  PackedTable table_;
  uint32_t layout_version_ = 0;
  uint64_t data_bytes_ = 0;
  Checksum piece_;
};

}  // namespace puna

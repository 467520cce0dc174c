// PackedFile: named pieces of memory in one file, as a backend's kernels read them, so that a start
// only maps it.
//
//   0        header, 64 bytes (little endian); its own checksum is always verified
//   64 KiB   data: the entries, each at a multiple of 4 KiB
//   then     table, JSON to the end of the file; its checksum is in the header, always verified
// Data is checksummed in pieces of 32 MiB. The file's modification time is stored in the header: as
// long as the file still has it, nobody wrote to the file, and open() trusts the data; otherwise it
// verifies all of it. Damage below the file system is for read_piece() to find.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/file_descriptor.h"
#include "base/json.h"
#include "base/status.h"

namespace puna {

// A multiple of every page size that Linux has on machines Puna knows, so that it can be mapped.
inline constexpr uint64_t kPackedDataOffset = 64 << 10;
// An entry shares no page with another; less would do for the kernels (a cache line), and more is
// not needed for 2 MiB pages: the data is moved into them in pieces that know nothing of entries.
inline constexpr uint64_t kPackedAlignment = 4 << 10;
// Small enough to be read, checked and exchanged without being noticed, large enough that a model
// of 70 billion weights has about a thousand. A multiple of 2 MiB.
inline constexpr uint64_t kPackedPieceBytes = 32 << 20;
inline constexpr uint64_t kPackedDataBytesMax = uint64_t{1} << 42;
inline constexpr uint64_t kPackedTableBytesMax = 64 << 20;
inline constexpr size_t kPackedEntriesMax = 100'000;

// What a packed file says about itself.
struct PackedInfo {
  uint32_t layout_version = 0;  // of the entries' bytes, by whoever wrote them
  std::string content;          // identity of what was packed (packed_cache.h)
  std::string format;           // "int4 group 32"
  std::string model;            // its name, for people
};

struct PackedEntry {
  uint64_t offset = 0;  // in the data
  uint64_t bytes = 0;
  Json metadata;  // an object; what it means is the writer's business
};

struct PackedHeader {
  uint32_t layout_version = 0;
  uint64_t data_bytes = 0;
  uint64_t table_bytes = 0;
  uint64_t table_checksum = 0;
  int64_t modified_seconds = 0;
  int64_t modified_nanoseconds = 0;

  uint64_t table_offset() const { return kPackedDataOffset + data_bytes; }
  uint64_t file_bytes() const { return table_offset() + table_bytes; }
};
inline constexpr size_t kPackedHeaderBytes = 64;

struct PackedTable {
  PackedInfo info;  // without layout_version
  std::map<std::string, PackedEntry, std::less<>> entries;
  std::vector<uint64_t> checksums;  // of each piece
};

// Both refuse with kDataLoss what no writer of this version wrote.
Result<PackedHeader> parse_packed_header(std::span<const std::byte> bytes);
Result<PackedTable> parse_packed_table(std::string_view text, const PackedHeader& header);
std::vector<std::byte> serialize(const PackedHeader& header);
std::string serialize(const PackedTable& table);

class PackedFile {
 public:
  // kNotFound when there is no such file; kFailedPrecondition for another layout version;
  // kDataLoss for a damaged or truncated one.
  static Result<PackedFile> open(const std::filesystem::path& path, uint32_t layout_version);

  const std::filesystem::path& path() const { return path_; }
  const PackedInfo& info() const { return table_.info; }
  const PackedEntry* find(std::string_view name) const;  // nullptr when there is none
  uint64_t data_bytes() const { return header_.data_bytes; }
  uint64_t file_bytes() const { return header_.file_bytes(); }
  int descriptor() const { return file_.get(); }  // data begins at kPackedDataOffset

  size_t piece_count() const { return table_.checksums.size(); }
  uint64_t piece_bytes(size_t piece) const;
  // Reads a piece into `out` [piece_bytes]; kDataLoss when it is not what was written.
  Status read_piece(size_t piece, std::span<std::byte> out) const;
  // Removes the file, if its path still names this one.
  void remove() const;

 private:
  Status verify() const;  // reads and checks all of the data

  std::filesystem::path path_;
  FileDescriptor file_;
  PackedHeader header_;
  PackedTable table_;
};

}  // namespace puna

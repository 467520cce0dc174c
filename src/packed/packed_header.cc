// Header and table of a packed file, to bytes and back; nothing in them is believed unchecked.

#include <cstddef>
#include <cstring>

#include "base/checksum.h"
#include "base/utf8.h"
#include "packed/packed_file.h"

namespace puna {
namespace {

constexpr char kMagic[8] = {'P', 'U', 'N', 'A', 'P', 'A', 'C', 'K'};
constexpr uint32_t kContainerVersion = 1;
constexpr size_t kTableDepthMax = 8;
constexpr int64_t kNanosecondsMax = 999'999'999;

// As it lies in the file.
struct RawHeader {
  char magic[8];
  uint32_t container_version;
  uint32_t layout_version;
  uint64_t data_bytes;
  uint64_t table_bytes;
  uint64_t table_checksum;
  int64_t modified_seconds;
  int64_t modified_nanoseconds;
  uint64_t header_checksum;  // of all bytes before it
};
static_assert(sizeof(RawHeader) == kPackedHeaderBytes);

uint64_t checksum_of(const RawHeader& raw) {
  return checksum(std::as_bytes(std::span(&raw, 1)).first(offsetof(RawHeader, header_checksum)));
}

template <typename... Args>
Status damaged(fmt::format_string<Args...> format, Args&&... args) {
  return error(StatusCode::kDataLoss, format, std::forward<Args>(args)...);
}

uint64_t piece_count_of(uint64_t data_bytes) {
  return data_bytes / kPackedPieceBytes + (data_bytes % kPackedPieceBytes == 0 ? 0 : 1);
}

Result<std::string> get_text(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_string()) return damaged("the table has no {}", name);
  return found->get<std::string>();
}

Result<uint64_t> get_number(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_number_unsigned()) {
    return damaged("an entry without {}", name);
  }
  return found->get<uint64_t>();
}

Result<PackedEntry> parse_entry(const std::string& name, const Json& json, uint64_t data_bytes) {
  const std::string shown = escape_for_terminal(name.substr(0, 100));
  if (!json.is_object()) return damaged("{}: not an object", shown);
  PackedEntry entry;
  ASSIGN_OR_RETURN(entry.offset, get_number(json, "offset"));
  ASSIGN_OR_RETURN(entry.bytes, get_number(json, "bytes"));
  const auto metadata = json.find("metadata");
  if (metadata == json.end() || !metadata->is_object()) return damaged("{}: no metadata", shown);
  entry.metadata = *metadata;
  if (entry.offset % kPackedAlignment != 0 || entry.offset > data_bytes ||
      entry.bytes > data_bytes - entry.offset) {
    return damaged("{}: bytes [{}, +{}) of {}", shown, entry.offset, entry.bytes, data_bytes);
  }
  return entry;
}

}  // namespace

Result<PackedHeader> parse_packed_header(std::span<const std::byte> bytes) {
  RawHeader raw;
  if (bytes.size() < sizeof raw) return damaged("{} bytes, too short for a header", bytes.size());
  std::memcpy(&raw, bytes.data(), sizeof raw);
  if (std::memcmp(raw.magic, kMagic, sizeof kMagic) != 0) return damaged("not a packed file");
  if (raw.header_checksum != checksum_of(raw)) return damaged("the header is damaged");
  if (raw.container_version != kContainerVersion) {
    return error(StatusCode::kFailedPrecondition, "version {} of the file format, {} is read here",
                 raw.container_version, kContainerVersion);
  }
  if (raw.data_bytes > kPackedDataBytesMax || raw.table_bytes > kPackedTableBytesMax) {
    return damaged("{} bytes of data and {} of table, at most {} and {}", raw.data_bytes,
                   raw.table_bytes, kPackedDataBytesMax, kPackedTableBytesMax);
  }
  if (raw.modified_nanoseconds < 0 || raw.modified_nanoseconds > kNanosecondsMax) {
    return damaged("a modification time of {} nanoseconds", raw.modified_nanoseconds);
  }
  return PackedHeader{.layout_version = raw.layout_version,
                      .data_bytes = raw.data_bytes,
                      .table_bytes = raw.table_bytes,
                      .table_checksum = raw.table_checksum,
                      .modified_seconds = raw.modified_seconds,
                      .modified_nanoseconds = raw.modified_nanoseconds};
}

Result<PackedTable> parse_packed_table(std::string_view text, const PackedHeader& header) {
  if (checksum(std::as_bytes(std::span(text))) != header.table_checksum) {
    return damaged("the table is damaged");
  }
  const auto parsed = parse_json(text, {.depth_max = kTableDepthMax});
  if (!parsed.ok()) return damaged("the table: {}", parsed.status().message());
  const Json& json = *parsed;
  if (!json.is_object()) return damaged("the table is not an object");
  PackedTable table;
  ASSIGN_OR_RETURN(table.info.content, get_text(json, "content"));
  ASSIGN_OR_RETURN(table.info.format, get_text(json, "format"));
  ASSIGN_OR_RETURN(table.info.model, get_text(json, "model"));
  table.info.layout_version = header.layout_version;
  const auto checksums = json.find("checksums");
  if (checksums == json.end() || !checksums->is_array() ||
      checksums->size() != piece_count_of(header.data_bytes)) {
    return damaged("the table has no checksum for each piece of {} bytes", header.data_bytes);
  }
  for (const Json& value : *checksums) {
    if (!value.is_number_unsigned()) return damaged("a checksum that is no number");
    table.checksums.push_back(value.get<uint64_t>());
  }
  const auto entries = json.find("entries");
  if (entries == json.end() || !entries->is_object() || entries->size() > kPackedEntriesMax) {
    return damaged("the table has no entries, or more than {}", kPackedEntriesMax);
  }
  for (const auto& [name, value] : entries->items()) {
    ASSIGN_OR_RETURN(PackedEntry entry, parse_entry(name, value, header.data_bytes));
    table.entries.emplace(name, std::move(entry));
  }
  return table;
}

std::vector<std::byte> serialize(const PackedHeader& header) {
  RawHeader raw = {.magic = {},
                   .container_version = kContainerVersion,
                   .layout_version = header.layout_version,
                   .data_bytes = header.data_bytes,
                   .table_bytes = header.table_bytes,
                   .table_checksum = header.table_checksum,
                   .modified_seconds = header.modified_seconds,
                   .modified_nanoseconds = header.modified_nanoseconds,
                   .header_checksum = 0};
  std::memcpy(raw.magic, kMagic, sizeof kMagic);
  raw.header_checksum = checksum_of(raw);
  const auto bytes = std::as_bytes(std::span(&raw, 1));
  return {bytes.begin(), bytes.end()};
}

std::string serialize(const PackedTable& table) {
  OrderedJson json;
  json["model"] = table.info.model;
  json["format"] = table.info.format;
  json["content"] = table.info.content;
  json["checksums"] = table.checksums;
  json["entries"] = OrderedJson::object();
  for (const auto& [name, entry] : table.entries) {
    json["entries"][name] = {
        {"offset", entry.offset}, {"bytes", entry.bytes}, {"metadata", entry.metadata}};
  }
  return dump_json(json);
}

}  // namespace puna

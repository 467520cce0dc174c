// Any bytes as the header and the table of a packed file: an error, or entries inside the data.
//
// The input is a header with the table after it. Its checksums are made right first, or no input
// would come further than them.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/checksum.h"
#include "packed/packed_file.h"

namespace {

void write_checksum(std::span<std::byte> header, size_t at, uint64_t value) {
  std::memcpy(header.data() + at, &value, sizeof value);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using puna::kPackedHeaderBytes;
  const auto* begin = reinterpret_cast<const std::byte*>(data);
  std::vector<std::byte> header(begin, begin + std::min(size, kPackedHeaderBytes));
  const std::string_view table(reinterpret_cast<const char*>(data) + header.size(),
                               size - header.size());
  (void)puna::parse_packed_header(header).ok();
  if (header.size() < kPackedHeaderBytes) return 0;
  constexpr size_t kTableChecksumAt = 32;
  constexpr size_t kHeaderChecksumAt = kPackedHeaderBytes - sizeof(uint64_t);
  write_checksum(header, kTableChecksumAt, puna::checksum(std::as_bytes(std::span(table))));
  write_checksum(header, kHeaderChecksumAt,
                 puna::checksum(std::span(header).first(kHeaderChecksumAt)));
  const auto parsed = puna::parse_packed_header(header);
  if (!parsed.ok()) return 0;
  CHECK(puna::serialize(*parsed) == header, "a header is written as it was read");
  const auto entries = puna::parse_packed_table(table, *parsed);
  if (!entries.ok()) return 0;
  CHECK(parsed->file_bytes() >= parsed->data_bytes, "sizes do not overflow");
  for (const auto& [name, entry] : entries->entries) {
    CHECK(entry.offset + entry.bytes <= parsed->data_bytes, "an entry lies in the data");
  }
  return 0;
}

// Tests of checksum.h against values that xxHash publishes for its own check.

#include "base/checksum.h"

#include <gtest/gtest.h>

#include <vector>

namespace puna {
namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

// The empty input's values, as in tests/sanity_test_vectors.h of the xxHash repository.
TEST(Checksum, IsXxh3) {
  EXPECT_EQ(checksum({}), 0x2D06800538D394C2u);
  EXPECT_EQ(Checksum().value(), 0x2D06800538D394C2u);
}

TEST(Checksum, OfPartsIsTheChecksumOfTheWhole) {
  std::vector<std::byte> bytes(10000);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i * 31 >> 3);
  Checksum parts;
  size_t begin = 0;
  for (const size_t size : {1U, 0U, 99U, 4900U, 5000U}) {
    parts.add(std::span(bytes).subspan(begin, size));
    begin += size;
  }
  EXPECT_EQ(parts.value(), checksum(bytes));
  parts.restart();
  EXPECT_EQ(parts.value(), checksum({}));
}

TEST(Checksum, SeesOneFlippedBit) {
  std::vector<std::byte> bytes(1 << 20);
  const uint64_t before = checksum(bytes);
  bytes[777'777] = std::byte{1};
  EXPECT_NE(checksum(bytes), before);
}

TEST(ContentHash, KnowsWhereAPartEnds) {
  ContentHash first;
  first.add("ab");
  first.add("c");
  ContentHash second;
  second.add("a");
  second.add("bc");
  ContentHash third;
  third.add(bytes_of("ab"));
  third.add(bytes_of("c"));
  EXPECT_NE(first.hexadecimal(), second.hexadecimal());
  EXPECT_EQ(first.hexadecimal(), third.hexadecimal());
  EXPECT_EQ(first.hexadecimal().size(), 32u);
}

}  // namespace
}  // namespace puna

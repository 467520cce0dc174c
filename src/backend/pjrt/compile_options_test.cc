// Bytes that the upstream .proto decodes to what is meant (checked with protoc 3.21).

#include "backend/pjrt/compile_options.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

namespace puna::pjrt {
namespace {

std::string hex_of(const std::string& bytes) {
  std::string hex;
  for (const char byte : bytes) hex += fmt::format("{:02x} ", static_cast<unsigned char>(byte));
  return hex;
}

TEST(CompileOptions, ReplicasAreOneListOfDevices) {
  EXPECT_EQ(
      hex_of(encode({.replicas = 2})),
      "1a 1b 08 ff ff ff ff ff ff ff ff ff 01 20 02 28 01 4a 0a 08 02 10 01 1a 04 0a 02 00 01 ");
}

TEST(CompileOptions, PartitionsAreAListEachAndGoToShardy) {
  EXPECT_EQ(
      hex_of(encode({.partitions = 2})),
      "1a 24 08 ff ff ff ff ff ff ff ff ff 01 20 01 28 02 30 01 4a 0e 08 01 10 02 1a 03 0a 01 "
      "00 1a 03 0a 01 01 98 01 01 ");
}

TEST(CompileOptions, AreNeverEmpty) {
  EXPECT_EQ(hex_of(encode({})),
            "1a 1a 08 ff ff ff ff ff ff ff ff ff 01 20 01 28 01 4a 09 08 01 10 01 1a 03 0a 01 00 ");
}

}  // namespace
}  // namespace puna::pjrt

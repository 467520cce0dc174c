// Every rule of the format, each broken once.

#include "model/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

namespace puna {
namespace {

using ::testing::HasSubstr;

std::vector<std::byte> file_of(const std::string& header, size_t data_bytes,
                               std::optional<uint64_t> header_bytes = std::nullopt) {
  const uint64_t size = header_bytes.value_or(header.size());
  std::vector<std::byte> file(sizeof size + header.size() + data_bytes);
  std::memcpy(file.data(), &size, sizeof size);
  std::memcpy(file.data() + sizeof size, header.data(), header.size());
  return file;
}

std::string refusal(const std::string& header, size_t data_bytes,
                    std::optional<uint64_t> header_bytes = std::nullopt) {
  const auto parsed = parse_safetensors(file_of(header, data_bytes, header_bytes), "m.safetensors");
  return parsed.ok() ? "accepted" : parsed.status().message();
}

TEST(Safetensors, ReadsTensorsInTheOrderOfTheirData) {
  const auto file = file_of(
      R"({"b":{"dtype":"F32","shape":[2],"data_offsets":[2,10]},"a":{"dtype":"BF16","shape":[1,1],"data_offsets":[0,2]}})",
      10);
  const auto tensors = parse_safetensors(file, "m");
  ASSERT_TRUE(tensors.ok()) << tensors.status().message();
  ASSERT_EQ(tensors->size(), 2U);
  EXPECT_EQ((*tensors)[0].name, "a");
  EXPECT_EQ((*tensors)[1].shape, (std::vector<int64_t>{2}));
  EXPECT_EQ((*tensors)[1].bytes.size(), 8U);
}

struct BadFile {
  const char* name;
  std::string header;
  size_t data_bytes;
  std::optional<uint64_t> header_bytes;
};

class BadSafetensors : public ::testing::TestWithParam<BadFile> {};

TEST_P(BadSafetensors, IsRefusedWithTheFilesName) {
  const BadFile& bad = GetParam();
  EXPECT_THAT(refusal(bad.header, bad.data_bytes, bad.header_bytes), HasSubstr("m.safetensors"));
}

std::string tensor(const std::string& fields) { return R"({"a":{)" + fields + "}}"; }

INSTANTIATE_TEST_SUITE_P(
    Rules, BadSafetensors,
    ::testing::Values(
        BadFile{"header_longer_than_file", "{}", 0, 1000},
        BadFile{"header_length_overflows", "{}", 0, ~uint64_t{0}},
        BadFile{"header_over_the_limit", "{}", 0, kSafetensorsHeaderBytesMax + 1},
        BadFile{"header_is_no_object", "[]", 0, {}}, BadFile{"header_is_cut", R"({"a":)", 0, {}},
        BadFile{"header_begins_with_space", " {}", 0, {}},
        BadFile{
            "duplicate_name",
            R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
            2,
            {}},
        BadFile{"unknown_dtype", tensor(R"("dtype":"X9","shape":[1],"data_offsets":[0,1])"), 1, {}},
        BadFile{
            "negative_size", tensor(R"("dtype":"U8","shape":[-1],"data_offsets":[0,1])"), 1, {}},
        BadFile{"shape_overflows",
                tensor(R"("dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4])"),
                4,
                {}},
        BadFile{"shape_is_text", tensor(R"("dtype":"U8","shape":"1","data_offsets":[0,1])"), 1, {}},
        BadFile{"offsets_do_not_fit_the_shape",
                tensor(R"("dtype":"F32","shape":[2],"data_offsets":[0,4])"),
                4,
                {}},
        BadFile{
            "offsets_backwards", tensor(R"("dtype":"U8","shape":[1],"data_offsets":[1,0])"), 1, {}},
        BadFile{"offsets_missing", tensor(R"("dtype":"U8","shape":[1])"), 1, {}},
        BadFile{"data_is_cut", tensor(R"("dtype":"U8","shape":[4],"data_offsets":[0,4])"), 2, {}},
        BadFile{
            "data_is_left_over", tensor(R"("dtype":"U8","shape":[1],"data_offsets":[0,1])"), 9, {}},
        BadFile{"a_hole", tensor(R"("dtype":"U8","shape":[1],"data_offsets":[1,2])"), 2, {}},
        BadFile{
            "an_overlap",
            R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})",
            3,
            {}},
        BadFile{"metadata_is_no_object", R"({"__metadata__":[]})", 0, {}}),
    [](const auto& parameter) { return std::string(parameter.param.name); });

TEST(Safetensors, AFileOfNoBytesIsRefused) { EXPECT_FALSE(parse_safetensors({}, "m").ok()); }

}  // namespace
}  // namespace puna

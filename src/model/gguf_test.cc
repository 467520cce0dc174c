// A GGUF file built by hand, and then broken in one place after the other.

#include "model/gguf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "model/gguf_writer.h"

namespace puna {
namespace {

using ::testing::HasSubstr;

using Writer = GgufWriter;

constexpr uint32_t kF32 = 0;
constexpr uint32_t kQ40 = 2;
constexpr uint64_t kHuge = std::numeric_limits<uint64_t>::max();

Writer good() {
  Writer file;
  file.header(1, 2);
  file.key("a.count", GgufType::kU32).number(uint32_t{7});
  file.key("a.names", GgufType::kArray).number(static_cast<uint32_t>(GgufType::kString));
  file.number(uint64_t{2}).string("x").string("yz");
  file.tensor("w", {32, 2}, kF32, 0);
  return file.data(256);
}

TEST(Gguf, ReadsMetadataAndTensors) {
  const auto file = GgufFile::parse(good().bytes(), "m.gguf");
  ASSERT_TRUE(file.ok()) << file.status().message();
  EXPECT_EQ((*file)->get_integer("a.count").value(), 7);
  EXPECT_EQ((*file)->get_strings("a.names").value(), (std::vector<std::string_view>{"x", "yz"}));
  ASSERT_EQ((*file)->tensors().size(), 1U);
  EXPECT_EQ((*file)->tensors()[0].info.shape, (std::vector<int64_t>{2, 32}));
  EXPECT_EQ((*file)->tensors()[0].bytes.size(), 256U);
}

TEST(Gguf, AWrongTypeOrAMissingKeyIsNamed) {
  const auto file = GgufFile::parse(good().bytes(), "m.gguf");
  ASSERT_TRUE(file.ok());
  EXPECT_THAT((*file)->get_string("a.count").status().message(), HasSubstr("a.count"));
  EXPECT_THAT((*file)->get_integers("a.names").status().message(), HasSubstr("a.names"));
  EXPECT_EQ((*file)->get_integer("nothing").status().code(), StatusCode::kNotFound);
}

TEST(Gguf, EveryTruncationIsRefused) {
  const std::vector<std::byte> whole = good().bytes();
  for (size_t size = 0; size < whole.size(); ++size) {
    const std::vector<std::byte> cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size));
    ASSERT_FALSE(GgufFile::parse(cut, "m.gguf").ok()) << size << " of " << whole.size();
  }
}

struct BadFile {
  const char* name;
  std::function<Writer()> make;
};

Writer with_tensor(const std::vector<uint64_t>& sizes, uint32_t type, uint64_t offset) {
  return Writer().header(1, 0).tensor("w", sizes, type, offset).data(128);
}
Writer with_value(GgufType type, const std::function<void(Writer&)>& value) {
  Writer file;
  file.header(0, 1).key("k", type);
  value(file);
  return file;
}
Writer with_array(GgufType type, uint64_t count, std::string_view bytes) {
  return with_value(GgufType::kArray, [&](Writer& file) {
    file.number(static_cast<uint32_t>(type)).number(count).raw(bytes);
  });
}

class BadGguf : public ::testing::TestWithParam<BadFile> {};

TEST_P(BadGguf, IsRefusedWithTheFilesName) {
  const auto parsed = GgufFile::parse(GetParam().make().bytes(), "m.gguf");
  ASSERT_FALSE(parsed.ok());
  EXPECT_THAT(parsed.status().message(), HasSubstr("m.gguf"));
}

INSTANTIATE_TEST_SUITE_P(
    Files, BadGguf,
    ::testing::Values(
        BadFile{"nothing", [] { return Writer(); }},
        BadFile{"another_magic", [] { return Writer().raw("GGML").number(uint32_t{3}); }},
        BadFile{"pickle", [] { return Writer().raw(std::string("\x80\x02}q\0", 5)); }},
        BadFile{"version_1", [] { return Writer().header(0, 0, 1); }},
        BadFile{"version_99", [] { return Writer().header(0, 0, 99); }},
        BadFile{"big_endian", [] { return Writer().header(0, 0, 0x03000000); }},
        BadFile{"huge_tensor_count", [] { return Writer().header(kHuge, 0); }},
        BadFile{"huge_key_count", [] { return Writer().header(0, kHuge); }},
        BadFile{"more_tensors_than_bytes", [] { return Writer().header(90000, 0); }},
        BadFile{"more_keys_than_bytes", [] { return Writer().header(0, 60000); }},
        BadFile{"key_longer_than_file",
                [] { return Writer().header(0, 1).number(kHuge).raw("k"); }},
        BadFile{"value_type_unknown",
                [] { return with_value(static_cast<GgufType>(13), [](Writer&) {}); }},
        BadFile{"string_longer_than_file",
                [] { return with_value(GgufType::kString, [](Writer& f) { f.number(kHuge); }); }},
        BadFile{"array_longer_than_file", [] { return with_array(GgufType::kU32, 1000, "1234"); }},
        BadFile{"array_size_overflows",
                [] { return with_array(GgufType::kU64, kHuge / 4, "1234"); }},
        BadFile{"array_of_arrays", [] { return with_array(GgufType::kArray, 1, ""); }},
        BadFile{"array_of_unknown",
                [] { return with_array(static_cast<GgufType>(77), 1, "1234"); }},
        BadFile{"strings_cut_in_array",
                [] { return with_array(GgufType::kString, 3, std::string(8, '\0')); }},
        BadFile{"key_twice",
                [] {
                  Writer file;
                  file.header(0, 2);
                  file.key("k", GgufType::kU8).number(uint8_t{1});
                  return file.key("k", GgufType::kU8).number(uint8_t{2});
                }},
        BadFile{"tensor_twice",
                [] {
                  Writer file;
                  file.header(2, 0).tensor("w", {8}, kF32, 0).tensor("w", {8}, kF32, 32);
                  return file.data(64);
                }},
        BadFile{"no_dimensions", [] { return with_tensor({}, kF32, 0); }},
        BadFile{"five_dimensions", [] { return with_tensor({2, 2, 2, 2, 2}, kF32, 0); }},
        BadFile{"size_zero", [] { return with_tensor({0, 2}, kF32, 0); }},
        BadFile{"size_overflows", [] { return with_tensor({kHuge / 2, 4}, kF32, 0); }},
        BadFile{"size_beyond_signed", [] { return with_tensor({kHuge}, kF32, 0); }},
        BadFile{"row_is_no_whole_block", [] { return with_tensor({33, 2}, kQ40, 0); }},
        BadFile{"tensor_type_unknown", [] { return with_tensor({32}, 999, 0); }},
        BadFile{"tensor_type_removed", [] { return with_tensor({32}, 4, 0); }},
        BadFile{"data_beyond_the_file", [] { return with_tensor({64}, kF32, 0); }},
        BadFile{"offset_beyond_the_file", [] { return with_tensor({8}, kF32, 1 << 20); }},
        BadFile{"offset_overflows", [] { return with_tensor({8}, kF32, kHuge - 31); }},
        BadFile{"offset_not_aligned", [] { return with_tensor({8}, kF32, 4); }},
        BadFile{"alignment_zero",
                [] {
                  Writer file;
                  file.header(1, 1).key("general.alignment", GgufType::kU32).number(uint32_t{0});
                  return file.tensor("w", {8}, kF32, 0).data(32);
                }},
        BadFile{"alignment_no_power_of_two",
                [] {
                  Writer file;
                  file.header(1, 1).key("general.alignment", GgufType::kU32).number(uint32_t{48});
                  return file.tensor("w", {8}, kF32, 0).data(96);
                }}),
    [](const auto& parameter) { return std::string(parameter.param.name); });

}  // namespace
}  // namespace puna

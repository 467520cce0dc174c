// What readers of the place find, whatever became of the writing.

#include "base/replace_file.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "base/mapped_file.h"

namespace puna {
namespace {

namespace fs = std::filesystem;

std::span<const std::byte> bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

class ReplaceFile : public testing::Test {
 protected:
  void SetUp() override { fs::create_directory(folder_); }
  void TearDown() override { fs::remove_all(folder_); }

  size_t file_count() const {
    return static_cast<size_t>(std::distance(fs::directory_iterator(folder_), {}));
  }

  const fs::path folder_ = fs::path(testing::TempDir()) / "replace_file_test";
  const fs::path path_ = folder_ / "file";
};

TEST_F(ReplaceFile, PutsAllPartsInThePlaceOfWhatWasThere) {
  ASSERT_TRUE(replace_file(path_, {bytes("a longer text")}).ok());
  ASSERT_TRUE(replace_file(path_, {bytes("one, "), bytes(""), bytes("two")}).ok());
  EXPECT_EQ(read_file(path_, 100).value(), "one, two");
  EXPECT_EQ(file_count(), 1U);
}

TEST_F(ReplaceFile, LeavesNothingWhereItCannotBe) {
  fs::create_directory(path_);
  EXPECT_FALSE(replace_file(path_, {bytes("text")}).ok());
  EXPECT_TRUE(fs::is_directory(path_));
  EXPECT_EQ(file_count(), 1U);
  EXPECT_EQ(replace_file(folder_ / "none" / "file", {bytes("text")}).code(), StatusCode::kNotFound);
}

}  // namespace
}  // namespace puna

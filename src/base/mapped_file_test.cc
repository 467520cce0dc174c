// Tests of MappedFile and read_file() on real files.

#include "base/mapped_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

namespace puna {
namespace {

using testing::HasSubstr;

class MappedFileTest : public testing::Test {
 protected:
  std::filesystem::path write(const std::string& name, const std::string& text) {
    const std::filesystem::path path = std::filesystem::path(testing::TempDir()) / name;
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }
};

TEST_F(MappedFileTest, ShowsTheBytesOfAFile) {
  const auto file = MappedFile::open(write("bytes", "abc"));
  ASSERT_TRUE(file.ok());
  ASSERT_EQ(file->bytes().size(), 3u);
  EXPECT_EQ(static_cast<char>(file->bytes()[2]), 'c');
}

TEST_F(MappedFileTest, AnEmptyFileIsEmpty) {
  const auto file = MappedFile::open(write("empty", ""));
  ASSERT_TRUE(file.ok());
  EXPECT_TRUE(file->bytes().empty());
}

TEST_F(MappedFileTest, NamesTheFileThatIsMissing) {
  const auto file = MappedFile::open("/nowhere/model.safetensors");
  EXPECT_EQ(file.status().code(), StatusCode::kNotFound);
  EXPECT_THAT(file.status().message(), HasSubstr("/nowhere/model.safetensors: No such file"));
}

TEST_F(MappedFileTest, RefusesPipesAndDirectoriesWithoutWaiting) {
  const std::string pipe = testing::TempDir() + "/pipe";
  ::unlink(pipe.c_str());
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_THAT(MappedFile::open(pipe).status().message(), HasSubstr("not a regular file"));
  EXPECT_FALSE(MappedFile::open(testing::TempDir()).ok());
  EXPECT_FALSE(read_file("/dev/zero", 100).ok());
}

TEST_F(MappedFileTest, ReadFileHasALimit) {
  const auto path = write("limit", "12345");
  EXPECT_EQ(*read_file(path, 5), "12345");
  EXPECT_THAT(read_file(path, 4).status().message(), HasSubstr("above the limit of 4"));
}

}  // namespace
}  // namespace puna

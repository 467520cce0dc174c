// Tests of what tells files apart: whatever keeps size and modification time, the stamp or the hash
// differs.

#include "packed/weight_files.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

namespace puna {
namespace {

namespace fs = std::filesystem;

class WeightFilesTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) / fmt::format("weight-files-{}", ::getpid());
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    write("a", std::string(9 << 20, 'a'));  // more than two chunks
    write("b", "bbbb");
  }
  void TearDown() override { fs::remove_all(folder_); }

  void write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name, std::ios::binary) << text;
    set_times(name);
  }
  // In place; the file keeps its inode and size.
  void edit(const std::string& name, int64_t offset) const {
    std::fstream file(folder_ / name, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(offset);
    file.put('x');
    file.close();
    set_times(name);
  }
  // As in layers of a container, whose times are all the same.
  void set_times(const std::string& name) const {
    const timespec times[2] = {{.tv_sec = 1'000'000'000, .tv_nsec = 0},
                               {.tv_sec = 1'000'000'000, .tv_nsec = 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, (folder_ / name).c_str(), times, 0), 0);
  }

  WeightFiles open(const std::vector<std::string>& names) const {
    std::vector<fs::path> paths;
    for (const std::string& name : names) paths.push_back(folder_ / name);
    auto files = WeightFiles::open(paths);
    EXPECT_TRUE(files.ok()) << files.status().message();
    return std::move(files).value();
  }
  std::string hash(const std::vector<std::string>& names) {
    const auto value = open(names).hash(pool_);
    EXPECT_TRUE(value.ok()) << value.status().message();
    return value.ok() ? *value : "";
  }

  fs::path folder_;
  ThreadPool pool_{2};
};

TEST_F(WeightFilesTest, AnEditWhoseModificationTimeIsPutBackIsSeen) {
  for (const int64_t offset : {int64_t{0}, int64_t{5'000'001}, int64_t{(9 << 20) - 1}}) {
    const WeightFiles before = open({"a"});
    const std::string hash_before = hash({"a"});
    edit("a", offset);
    // Change times are in ticks of a clock, a hundredth of a second or so.
    for (int i = 0; i < 10'000 && open({"a"}).stamp() == before.stamp(); ++i) set_times("a");
    EXPECT_NE(open({"a"}).stamp(), before.stamp());
    EXPECT_NE(hash({"a"}), hash_before) << offset;
    EXPECT_FALSE(before.are_unchanged());
  }
}

TEST_F(WeightFilesTest, AnotherFileUnderTheSameNameIsSeen) {
  const std::string stamp = open({"b"}).stamp();
  write("c", "cccc");
  fs::rename(folder_ / "c", folder_ / "b");
  EXPECT_NE(open({"b"}).stamp(), stamp);
}

TEST_F(WeightFilesTest, ALinkIsTheFileThatItNames) {
  fs::create_symlink(folder_ / "a", folder_ / "link");
  EXPECT_EQ(open({"link"}).stamp(), open({"a"}).stamp());
  fs::remove(folder_ / "link");
  fs::create_symlink(folder_ / "b", folder_ / "link");
  EXPECT_EQ(open({"link"}).stamp(), open({"b"}).stamp());
}

TEST_F(WeightFilesTest, ACopyIsAnotherFileWithTheSameContent) {
  fs::copy(folder_ / "a", folder_ / "copy");
  set_times("copy");
  EXPECT_NE(open({"copy"}).stamp(), open({"a"}).stamp());
  EXPECT_EQ(hash({"copy"}), hash({"a"}));
}

TEST_F(WeightFilesTest, TheOrderAndTheEndsOfFilesCount) {
  EXPECT_NE(hash({"a", "b"}), hash({"b", "a"}));
  std::string both(9 << 20, 'a');
  both.append(4, 'b');
  write("ab", both);
  EXPECT_NE(hash({"a", "b"}), hash({"ab"}));
}

TEST_F(WeightFilesTest, AFileThatWasJustWrittenIsNotSettled) {
  EXPECT_FALSE(open({"a"}).are_settled());
  EXPECT_TRUE(open({"a"}).are_unchanged());
}

TEST_F(WeightFilesTest, HashingEndsWhenItIsToldTo) {
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(open({"a"}).hash(pool_, stop.get_token()).status().code(), StatusCode::kCancelled);
}

}  // namespace
}  // namespace puna

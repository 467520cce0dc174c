// Tests of FileDescriptor and FileLock on real files.

#include "base/file_descriptor.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <thread>

#include "base/file_lock.h"

namespace puna {
namespace {

using testing::HasSubstr;

std::filesystem::path temporary(const std::string& name) {
  return std::filesystem::path(testing::TempDir()) / name;
}

TEST(FileDescriptor, ReadsWhatItWroteAtAnOffset) {
  const auto path = temporary("descriptor");
  const auto file = FileDescriptor::open(path, O_RDWR | O_CREAT | O_TRUNC);
  ASSERT_TRUE(file.ok());
  const std::string text = "four";
  ASSERT_TRUE(file->write_at(10, std::as_bytes(std::span(text)), path).ok());
  std::array<std::byte, 4> read = {};
  ASSERT_TRUE(file->read_at(10, read, path).ok());
  EXPECT_EQ(static_cast<char>(read[3]), 'r');
  EXPECT_EQ(file->info(path)->st_size, 14);
}

TEST(FileDescriptor, AReadPastTheEndIsDataLoss) {
  const auto path = temporary("short");
  const auto file = FileDescriptor::open(path, O_RDWR | O_CREAT | O_TRUNC);
  std::array<std::byte, 4> read = {};
  const Status status = file->read_at(0, read, path);
  EXPECT_EQ(status.code(), StatusCode::kDataLoss);
  EXPECT_THAT(status.message(), HasSubstr("ends at byte 0, 4 more were expected"));
}

TEST(FileDescriptor, AFullDiskIsResourceExhausted) {
  const auto full = FileDescriptor::open("/dev/full", O_WRONLY);
  ASSERT_TRUE(full.ok());
  const std::array<std::byte, 4> bytes = {};
  const Status status = full->write_at(0, bytes, "/dev/full");
  EXPECT_EQ(status.code(), StatusCode::kResourceExhausted);
  EXPECT_THAT(status.message(), HasSubstr("/dev/full: No space left on device"));
}

TEST(FileLock, IsHeldByOneAtATime) {
  const auto path = temporary("lock");
  std::atomic<bool> waited = false;
  std::atomic<bool> released = false;
  std::thread second;
  {
    const auto first = FileLock::acquire(path, [] { FAIL() << "nobody holds it"; });
    ASSERT_TRUE(first.ok());
    second = std::thread([&] {
      const auto lock = FileLock::acquire(path, [&] { waited = true; });
      EXPECT_TRUE(lock.ok());
      EXPECT_TRUE(released);
    });
    while (!waited) std::this_thread::yield();
    released = true;
  }
  second.join();
}

TEST(FileLock, NamesAFolderThatDoesNotExist) {
  EXPECT_THAT(FileLock::acquire("/nowhere/lock").status().message(), HasSubstr("/nowhere/lock"));
}

}  // namespace
}  // namespace puna

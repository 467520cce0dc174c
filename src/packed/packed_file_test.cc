// Tests of packed files on the disk: what is read is what was written, or damage is noticed.

#include "packed/packed_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <random>

#include "packed/packed_file_writer.h"

namespace puna {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr uint32_t kLayout = 7;

std::vector<std::byte> random_bytes(size_t size, unsigned seed) {
  std::minstd_rand random(seed);
  std::vector<std::byte> bytes(size);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random() >> 8);
  return bytes;
}

class PackedFileTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) / fmt::format("packed-{}", ::getpid());
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    path_ = folder_ / "model.packed";
  }
  void TearDown() override { fs::remove_all(folder_); }

  static PackedInfo info() {
    return {.layout_version = kLayout, .content = "c0ffee", .format = "int8", .model = "tiny"};
  }

  // Two entries; the second goes on into a second piece.
  Status write_file() {
    ASSIGN_OR_RETURN(PackedFileWriter writer, PackedFileWriter::create(path_, info()));
    RETURN_IF_ERROR(writer.add("small", Json{{"k", 3}}, small_));
    RETURN_IF_ERROR(writer.add("large", Json{{"columns", 64}}, large_));
    return writer.commit();
  }

  Result<PackedFile> open() const { return PackedFile::open(path_, kLayout); }

  // All of the data, piece by piece.
  static Result<std::vector<std::byte>> read_data(const PackedFile& file) {
    std::vector<std::byte> data(file.data_bytes());
    for (size_t i = 0; i < file.piece_count(); ++i) {
      RETURN_IF_ERROR(
          file.read_piece(i, std::span(data).subspan(i * kPackedPieceBytes, file.piece_bytes(i))));
    }
    return data;
  }

  // As a disk would damage a file: its modification time stays.
  void flip_byte_at(uint64_t offset, bool keep_time) {
    struct stat before = {};
    ASSERT_EQ(::stat(path_.c_str(), &before), 0);
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(offset));
    const int byte = file.get();
    file.seekp(static_cast<std::streamoff>(offset));
    file.put(static_cast<char>(byte ^ 1));
    file.close();
    const timespec times[2] = {before.st_atim, before.st_mtim};
    if (keep_time) {
      ASSERT_EQ(::utimensat(AT_FDCWD, path_.c_str(), times, 0), 0);
    }
  }

  size_t files_in_folder() const {
    return static_cast<size_t>(
        std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }

  fs::path folder_, path_;
  const std::vector<std::byte> small_ = random_bytes(1000, 1);
  const std::vector<std::byte> large_ = random_bytes(kPackedPieceBytes + 5000, 2);
};

TEST_F(PackedFileTest, ReadsWhatWasWritten) {
  ASSERT_TRUE(write_file().ok());
  const auto file = open();
  ASSERT_TRUE(file.ok()) << file.status().message();
  EXPECT_EQ(file->info().content, "c0ffee");
  EXPECT_EQ(file->info().format, "int8");
  EXPECT_EQ(file->info().model, "tiny");
  EXPECT_EQ(file->piece_count(), 2u);
  EXPECT_EQ(file->find("missing"), nullptr);
  const PackedEntry* large = file->find("large");
  ASSERT_NE(large, nullptr);
  EXPECT_EQ(large->offset, kPackedAlignment);
  EXPECT_EQ(large->bytes, large_.size());
  EXPECT_EQ(large->metadata, Json({{"columns", 64}}));
  const auto data = read_data(*file);
  ASSERT_TRUE(data.ok()) << data.status().message();
  EXPECT_TRUE(std::equal(small_.begin(), small_.end(), data->begin()));
  EXPECT_TRUE(std::equal(large_.begin(), large_.end(), data->begin() + kPackedAlignment));
  EXPECT_EQ(files_in_folder(), 1u);
}

TEST_F(PackedFileTest, AnEmptyFileOfNoEntriesIsWhole) {
  auto writer = PackedFileWriter::create(path_, info());
  ASSERT_TRUE(writer->commit().ok());
  EXPECT_EQ(open()->piece_count(), 0u);
}

TEST_F(PackedFileTest, DamageThatChangesTheTimeIsNoticedWhenItIsOpened) {
  ASSERT_TRUE(write_file().ok());
  flip_byte_at(kPackedDataOffset + 100, false);
  const auto file = open();
  EXPECT_EQ(file.status().code(), StatusCode::kDataLoss);
  EXPECT_THAT(file.status().message(), HasSubstr("piece 0 of 2 is damaged"));
}

TEST_F(PackedFileTest, DamageBelowTheFileSystemIsNoticedWhenThePieceIsRead) {
  ASSERT_TRUE(write_file().ok());
  flip_byte_at(kPackedDataOffset + kPackedPieceBytes + 100, true);
  const auto file = open();
  ASSERT_TRUE(file.ok()) << file.status().message();
  std::vector<std::byte> piece(kPackedPieceBytes);
  EXPECT_TRUE(file->read_piece(0, piece).ok());
  const Status status = file->read_piece(1, std::span(piece).first(file->piece_bytes(1)));
  EXPECT_EQ(status.code(), StatusCode::kDataLoss);
}

TEST_F(PackedFileTest, HeaderAndTableAreAlwaysVerified) {
  ASSERT_TRUE(write_file().ok());
  flip_byte_at(17, true);
  EXPECT_THAT(open().status().message(), HasSubstr("the header is damaged"));
  ASSERT_TRUE(write_file().ok());
  flip_byte_at(fs::file_size(path_) - 2, true);
  EXPECT_THAT(open().status().message(), HasSubstr("the table is damaged"));
}

TEST_F(PackedFileTest, ATruncatedFileIsNoticed) {
  ASSERT_TRUE(write_file().ok());
  const uint64_t whole = fs::file_size(path_);
  for (const uint64_t size : {uint64_t{0}, uint64_t{63}, kPackedDataOffset, whole / 2, whole - 1}) {
    fs::resize_file(path_, size);
    EXPECT_EQ(open().status().code(), StatusCode::kDataLoss) << size;
  }
}

TEST_F(PackedFileTest, AnotherLayoutVersionIsNotRead) {
  ASSERT_TRUE(write_file().ok());
  const auto file = PackedFile::open(path_, kLayout + 1);
  EXPECT_EQ(file.status().code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(file.status().message(), HasSubstr("layout version 7, 8 is read here"));
}

TEST_F(PackedFileTest, OtherFilesAreNotRead) {
  std::ofstream(path_) << std::string(100, 'x');
  EXPECT_THAT(open().status().message(), HasSubstr("not a packed file"));
  fs::remove(path_);
  EXPECT_EQ(open().status().code(), StatusCode::kNotFound);
}

// A copy has another modification time; after one check of all bytes it is trusted too.
TEST_F(PackedFileTest, ACopyIsCheckedOnceAndThenTrusted) {
  ASSERT_TRUE(write_file().ok());
  const fs::path copy = folder_ / "copy.packed";
  fs::copy_file(path_, copy);
  path_ = copy;
  ASSERT_TRUE(open().ok());
  flip_byte_at(kPackedDataOffset + 100, true);
  EXPECT_TRUE(open().ok());
}

TEST_F(PackedFileTest, AWriterThatGivesUpLeavesNothingBehind) {
  {
    auto writer = PackedFileWriter::create(path_, info());
    ASSERT_TRUE(writer->add("small", Json::object(), small_).ok());
  }
  EXPECT_EQ(files_in_folder(), 0u);
}

// The limit of a file's size stands for the disk's end: the same error comes from the same call.
TEST_F(PackedFileTest, AFullDiskIsSaidAndLeavesTheOldFile) {
  ASSERT_TRUE(write_file().ok());
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before = {};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit small = {.rlim_cur = 1 << 20, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const Status status = write_file();
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_EQ(status.code(), StatusCode::kResourceExhausted) << status.message();
  EXPECT_EQ(files_in_folder(), 1u);
  EXPECT_TRUE(open().ok());
}

TEST_F(PackedFileTest, RemovesItselfButNotItsSuccessor) {
  ASSERT_TRUE(write_file().ok());
  const auto old = open();
  ASSERT_TRUE(write_file().ok());
  const auto fresh = open();
  old->remove();
  EXPECT_TRUE(fs::exists(path_));
  fresh->remove();
  EXPECT_FALSE(fs::exists(path_));
}

TEST_F(PackedFileTest, AReaderKeepsTheFileThatAWriterReplaces) {
  ASSERT_TRUE(write_file().ok());
  const auto old = open();
  auto writer = PackedFileWriter::create(path_, info());
  ASSERT_TRUE(writer->add("other", Json::object(), small_).ok());
  ASSERT_TRUE(writer->commit().ok());
  EXPECT_TRUE(read_data(*old).ok());
  EXPECT_NE(open()->find("other"), nullptr);
}

TEST(PackedTable, RefusesEntriesOutsideTheData) {
  PackedHeader header = {.layout_version = 1, .data_bytes = 8192};
  PackedTable table;
  table.checksums = {1};
  for (const PackedEntry& entry :
       {PackedEntry{.offset = 4096, .bytes = 4097, .metadata = Json::object()},
        PackedEntry{.offset = 100, .bytes = 1, .metadata = Json::object()},
        PackedEntry{.offset = 1 << 20, .bytes = 0, .metadata = Json::object()},
        PackedEntry{.offset = 4096, .bytes = UINT64_MAX, .metadata = Json::object()}}) {
    table.entries = {{"bad", entry}};
    const std::string text = serialize(table);
    header.table_checksum = checksum(std::as_bytes(std::span(text)));
    EXPECT_THAT(parse_packed_table(text, header).status().message(), HasSubstr("bad: bytes ["));
  }
}

TEST(PackedTable, RefusesAWrongNumberOfChecksums) {
  PackedHeader header = {.layout_version = 1, .data_bytes = kPackedPieceBytes + 1};
  PackedTable table;
  table.checksums = {1};
  const std::string text = serialize(table);
  header.table_checksum = checksum(std::as_bytes(std::span(text)));
  EXPECT_THAT(parse_packed_table(text, header).status().message(), HasSubstr("checksum"));
}

}  // namespace
}  // namespace puna

// Tests of weights that are moved while they are read, on real files.

#include "backend/cpu/weight_memory.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>

#include "base/checksum.h"
#include "base/sanitized.h"
#include "packed/packed_file_writer.h"

namespace puna {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

constexpr uint32_t kLayout = 1;
const WeightMemory::Options kAtOnce = {.delay = std::chrono::milliseconds(0)};
const WeightMemory::Options kNever = {.delay = std::chrono::hours(1)};

// Bytes of this process's memory in 2 MiB pages, in the mappings that lie in `range`.
size_t huge_bytes_in(std::span<const std::byte> range) {
  std::ifstream maps("/proc/self/smaps");
  const auto begin = reinterpret_cast<uintptr_t>(range.data());
  size_t total = 0;
  bool inside = false;
  for (std::string line; std::getline(maps, line);) {
    unsigned long first = 0;
    unsigned long last = 0;
    unsigned long kilobytes = 0;
    if (std::sscanf(line.c_str(), "%lx-%lx ", &first, &last) == 2) {
      inside = first >= begin && first < begin + range.size();
    } else if (inside && std::sscanf(line.c_str(), "AnonHugePages: %lu", &kilobytes) == 1) {
      total += kilobytes * 1024;
    }
  }
  return total;
}

class WeightMemoryTest : public testing::Test {
 protected:
  void SetUp() override {
    path_ = fs::path(testing::TempDir()) / fmt::format("weights-{}.packed", ::getpid());
    // Three pieces, the last one short of a 2 MiB page.
    bytes_.resize(2 * kPackedPieceBytes + 3'000'000);
    for (size_t i = 0; i + 8 <= bytes_.size(); i += 8) {
      const uint64_t value = i * 0x9E3779B97F4A7C15u;
      std::memcpy(&bytes_[i], &value, sizeof value);
    }
    auto writer = PackedFileWriter::create(
        path_, {.layout_version = kLayout, .content = "", .format = "", .model = ""});
    ASSERT_TRUE(writer->add("all", Json::object(), bytes_).ok());
    ASSERT_TRUE(writer->commit().ok());
  }
  void TearDown() override { fs::remove(path_); }

  std::unique_ptr<WeightMemory> map(const WeightMemory::Options& options) const {
    auto file = PackedFile::open(path_, kLayout);
    EXPECT_TRUE(file.ok()) << file.status().message();
    auto memory = WeightMemory::map(std::move(*file), options);
    EXPECT_TRUE(memory.ok()) << memory.status().message();
    return std::move(*memory);
  }

  static std::span<const std::byte> all_of(const WeightMemory& memory) {
    return memory.bytes_of(*memory.file().find("all"));
  }

  bool is_equal(const WeightMemory& memory) const {
    const auto read = all_of(memory);
    return std::equal(bytes_.begin(), bytes_.end(), read.begin(), read.end());
  }

  // Without changing its modification time, as a disk would.
  void damage_piece(size_t piece) const {
    struct stat before = {};
    ASSERT_EQ(::stat(path_.c_str(), &before), 0);
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(kPackedDataOffset + piece * kPackedPieceBytes + 77));
    file.put(static_cast<char>(0x5A));
    file.close();
    const timespec times[2] = {before.st_atim, before.st_mtim};
    ASSERT_EQ(::utimensat(AT_FDCWD, path_.c_str(), times, 0), 0);
  }

  fs::path path_;
  std::vector<std::byte> bytes_;
};

TEST_F(WeightMemoryTest, IsTheFileAtOnce) {
  const auto memory = map(kNever);
  EXPECT_TRUE(is_equal(*memory));
  EXPECT_EQ(memory->moved_bytes(), 0u);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(memory->data().data()) % (2 << 20), 0u);
}

TEST_F(WeightMemoryTest, HasTheSameBytesInHugePages) {
  const auto memory = map(kAtOnce);
  memory->settle();
  EXPECT_TRUE(is_equal(*memory));
  EXPECT_TRUE(memory->status().ok());
  if (!huge_pages_granted()) GTEST_SKIP() << "this system grants no transparent huge pages";
  EXPECT_EQ(memory->moved_bytes(),
            bytes_.size() + (kPackedAlignment - bytes_.size() % 4096) % 4096);
  // A system short of 2 MiB pages gives small ones instead; half is proof enough that it works.
  EXPECT_GE(huge_bytes_in(memory->data()), bytes_.size() / 2);
}

TEST_F(WeightMemoryTest, AReaderSeesTheSameBytesWhileItMoves) {
  const uint64_t wanted = checksum(bytes_);
  for (int round = 0; round < 3; ++round) {
    const auto memory = map(kAtOnce);
    std::atomic<bool> settled = false;
    std::jthread reader([&] {
      do {
        EXPECT_EQ(checksum(all_of(*memory)), wanted);
      } while (!settled);
    });
    memory->settle();
    settled = true;
  }
}

TEST_F(WeightMemoryTest, WithoutHugePagesItIsVerifiedAndStays) {
  const auto memory = map({.delay = std::chrono::milliseconds(0), .use_huge_pages = false});
  memory->settle();
  EXPECT_EQ(memory->moved_bytes(), 0u);
  EXPECT_TRUE(is_equal(*memory));
  EXPECT_TRUE(memory->status().ok());
}

TEST_F(WeightMemoryTest, DamageIsSaidAndTheFileRemoved) {
  for (const bool use_huge_pages : {true, false}) {
    SetUp();
    damage_piece(1);
    const auto memory =
        map({.delay = std::chrono::milliseconds(0), .use_huge_pages = use_huge_pages});
    memory->settle();
    EXPECT_EQ(memory->status().code(), StatusCode::kInternal);
    EXPECT_THAT(memory->status().message(), HasSubstr("a restart makes them again"));
    EXPECT_THAT(memory->status().message(), Not(HasSubstr(path_.parent_path().string())));
    EXPECT_FALSE(fs::exists(path_));
  }
}

// Every read fails, and nothing else: the descriptor becomes one that may only be written to.
TEST_F(WeightMemoryTest, AnErrorOfTheDiskIsNoDamage) {
  for (const bool use_huge_pages : {true, false}) {
    auto file = PackedFile::open(path_, kLayout);
    ASSERT_TRUE(file.ok()) << file.status().message();
    const int descriptor = file->descriptor();
    const auto memory = WeightMemory::map(
        std::move(*file), {.delay = kNever.delay, .use_huge_pages = use_huge_pages});
    ASSERT_TRUE(memory.ok()) << memory.status().message();
    const auto unreadable = FileDescriptor::open(path_, O_WRONLY);
    ASSERT_TRUE(unreadable.ok());
    ASSERT_GE(::dup2(unreadable->get(), descriptor), 0);
    (*memory)->settle();
    EXPECT_EQ((*memory)->moved_bytes(), 0u);
    EXPECT_TRUE((*memory)->status().ok());
    EXPECT_TRUE(is_equal(**memory));
    EXPECT_TRUE(fs::exists(path_));
  }
}

TEST_F(WeightMemoryTest, WithoutMemoryToSpareItServesAsItIsMapped) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer needs addresses of its own";
  const auto memory = map(kNever);
  rlimit before = {};
  ASSERT_EQ(::getrlimit(RLIMIT_AS, &before), 0);
  const rlimit none = {.rlim_cur = 1 << 20, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_AS, &none), 0);
  memory->settle();
  ASSERT_EQ(::setrlimit(RLIMIT_AS, &before), 0);
  EXPECT_EQ(memory->moved_bytes(), 0u);
  EXPECT_TRUE(memory->status().ok());
  EXPECT_TRUE(is_equal(*memory));
  EXPECT_TRUE(fs::exists(path_));
}

TEST_F(WeightMemoryTest, EndsWithoutWaitingForItsDelay) {
  const auto started = std::chrono::steady_clock::now();
  map(kNever).reset();
  EXPECT_LT(std::chrono::steady_clock::now() - started, std::chrono::minutes(10));
}

TEST_F(WeightMemoryTest, MayEndBetweenAnyTwoPieces) {
  if (!huge_pages_granted()) GTEST_SKIP() << "this system grants no transparent huge pages";
  for (uint64_t pieces = 0; pieces < 3; ++pieces) {
    const auto memory = map(kAtOnce);
    while (memory->moved_bytes() < pieces * kPackedPieceBytes) std::this_thread::yield();
  }
}

}  // namespace
}  // namespace puna

// stat for stamps; chunks of all files, hashed in any order, for contents.

#include "packed/weight_files.h"

#include <algorithm>
#include <ctime>
#include <mutex>
#include <optional>

#include "base/checksum.h"
#include "base/progress_bar.h"

namespace puna {
namespace {

constexpr uint64_t kChunkBytes = 4 << 20;
// Coarser than any file system's clock that inodes have change times of, FAT's of 2 s included.
constexpr time_t kSettledSeconds = 3;
// Less is read before anybody looks for a reason of the wait.
constexpr uint64_t kProgressBytesMin = uint64_t{2} << 30;

void add_time(ContentHash& hash, const timespec& time) {
  hash.add(static_cast<uint64_t>(time.tv_sec));
  hash.add(static_cast<uint64_t>(time.tv_nsec));
}

void add_stamp(ContentHash& hash, const struct stat& info) {
  hash.add(uint64_t{info.st_dev});
  hash.add(uint64_t{info.st_ino});
  hash.add(static_cast<uint64_t>(info.st_size));
  add_time(hash, info.st_mtim);
  add_time(hash, info.st_ctim);
}

std::string stamp_of(const struct stat& info) {
  ContentHash hash;
  add_stamp(hash, info);
  return hash.hexadecimal();
}

struct Chunk {
  size_t file;
  uint64_t offset;
  uint64_t bytes;
};

}  // namespace

Result<WeightFiles> WeightFiles::open(const std::vector<std::filesystem::path>& paths) {
  WeightFiles files;
  ContentHash stamp;
  for (const std::filesystem::path& path : paths) {
    File file;
    file.path = path;
    ASSIGN_OR_RETURN(file.descriptor, FileDescriptor::open_regular(path));
    ASSIGN_OR_RETURN(file.info, file.descriptor.info(path));
    add_stamp(stamp, file.info);
    files.files_.push_back(std::move(file));
  }
  files.stamp_ = stamp.hexadecimal();
  return files;
}

uint64_t WeightFiles::bytes() const {
  uint64_t total = 0;
  for (const File& file : files_) total += static_cast<uint64_t>(file.info.st_size);
  return total;
}

bool WeightFiles::are_unchanged() const {
  return std::all_of(files_.begin(), files_.end(), [](const File& file) {
    const auto now = file.descriptor.info(file.path);
    return now.ok() && stamp_of(*now) == stamp_of(file.info);
  });
}

bool WeightFiles::are_settled() const {
  const time_t now = ::time(nullptr);
  return std::all_of(files_.begin(), files_.end(), [&](const File& file) {
    return file.info.st_ctim.tv_sec + kSettledSeconds <= now;
  });
}

Result<std::string> WeightFiles::hash(ThreadPool& pool, const std::stop_token& stop) const {
  std::vector<Chunk> chunks;
  ContentHash total;
  for (size_t i = 0; i < files_.size(); ++i) {
    const auto size = static_cast<uint64_t>(files_[i].info.st_size);
    total.add(size);
    for (uint64_t offset = 0; offset < size; offset += kChunkBytes) {
      chunks.push_back({i, offset, std::min(kChunkBytes, size - offset)});
    }
  }
  std::optional<ProgressBar> progress;
  if (bytes() >= kProgressBytesMin) {
    progress.emplace("reading weights", 0, static_cast<int64_t>(bytes()));
  }
  std::vector<uint64_t> checksums(chunks.size());
  std::mutex mutex;  // of `failure`, which only a file that cannot be read writes to
  Status failure;
  pool.parallel_for(chunks.size(), 1, [&](size_t first, size_t last) {
    std::vector<std::byte> buffer(kChunkBytes);
    for (size_t i = first; i < last && !stop.stop_requested(); ++i) {
      const Chunk& chunk = chunks[i];
      const File& file = files_[chunk.file];
      const auto part = std::span(buffer).first(chunk.bytes);
      const Status read = file.descriptor.read_at(chunk.offset, part, file.path);
      if (!read.ok()) {
        const std::lock_guard lock(mutex);
        failure = read;
      }
      checksums[i] = checksum(part);
      if (progress) progress->add(static_cast<int64_t>(chunk.bytes));
    }
  });
  RETURN_IF_ERROR(failure);
  if (stop.stop_requested()) return error(StatusCode::kCancelled, "stopped");
  for (const uint64_t value : checksums) total.add(value);
  return total.hexadecimal();
}

}  // namespace puna

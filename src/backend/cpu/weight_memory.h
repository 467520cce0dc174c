// WeightMemory: the data of a packed file as read-only memory, which a thread in the background
// verifies and moves into 2 MiB pages while it is used.
//
// Mapping takes no time and no memory of its own. Where the system grants transparent huge pages,
// each piece is then read into fresh anonymous memory, its checksum verified, and the memory put
// in the place of the mapped file with one call of mremap(): a thread that reads there meanwhile
// waits for the call at most, and finds the same bytes. Elsewhere, and where memory is short, the
// pieces are verified only. A file that shrinks before it was moved raises SIGBUS on access.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <utility>

#include "packed/packed_file.h"

namespace puna {

class WeightMemory {
 public:
  struct Options {
    // The first answer comes first.
    std::chrono::milliseconds delay = std::chrono::seconds(1);
    bool use_huge_pages = true;  // where the system grants them
    // Asked last: kDataLoss when the file turns out to be of another checkpoint.
    std::function<Status(const std::stop_token& stop)> check_origin = {};
  };

  static Result<std::unique_ptr<WeightMemory>> map(PackedFile file, const Options& options);
  ~WeightMemory();  // stops the thread, after its current piece at most
  WeightMemory(const WeightMemory&) = delete;
  WeightMemory& operator=(const WeightMemory&) = delete;

  const PackedFile& file() const { return file_; }
  std::span<const std::byte> data() const { return {data_, file_.data_bytes()}; }
  std::span<const std::byte> bytes_of(const PackedEntry& entry) const {
    return data().subspan(entry.offset, entry.bytes);
  }

  // kInternal once the background has found the file damaged, which a read error alone is not; it
  // has then removed the file, so that the next start makes it again. Cheap enough to be asked
  // before every step.
  Status status() const;
  // Bytes that lie in memory of their own and no longer in the file's pages.
  uint64_t moved_bytes() const { return moved_bytes_; }
  // Ends the delay, and waits until the background has done all it will do.
  void settle();

 private:
  explicit WeightMemory(PackedFile file) : file_(std::move(file)) {}

  enum class State : char { kUsable, kDamaged, kLost };

  void start(const Options& options);
  Status map_data();
  Status map_file(uint64_t offset, size_t bytes);  // of the data
  void run(const std::stop_token& stop, const Options& options);
  void find_damaged(const Status& status);
  void visit_pieces(const std::stop_token& stop, bool move);
  Status visit_piece(size_t piece, bool move);

  const PackedFile file_;
  std::byte* data_ = nullptr;  // at a multiple of 2 MiB
  size_t reserved_bytes_ = 0;  // of addresses from data_ on, a multiple of 2 MiB
  std::atomic<uint64_t> moved_bytes_ = 0;
  std::atomic<State> state_ = State::kUsable;
  // Between the thread and those who wait for it; nothing of it is touched while weights are read.
  std::mutex mutex_;
  std::condition_variable_any changed_;
  bool hurried_ = false;  // guarded by mutex_, as settled_
  bool settled_ = false;
  std::jthread thread_;  // last: ends before what it uses
};

// Whether an madvise(MADV_HUGEPAGE) of this process gives 2 MiB pages.
bool huge_pages_granted();

}  // namespace puna

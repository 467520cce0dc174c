// mmap, mremap and the thread behind weight_memory.h.

#include "backend/cpu/weight_memory.h"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>
#include <utility>

#include "backend/cpu/page_memory.h"
#include "base/bytes.h"
#include "base/check.h"
#include "base/log.h"

namespace puna {
namespace {

constexpr size_t kHugePageBytes = 2 << 20;
// What stays free for others while the weights are moved; the page cache counts as free.
constexpr int64_t kMemoryToKeepBytes = 512 << 20;
// A thirtieth of a core that is busy with requests; all of an idle one. Much less would keep the
// weights in small pages for hours, where every step is slower.
constexpr int kNice = 15;

static_assert(kPackedPieceBytes % kHugePageBytes == 0);

size_t round_up(size_t bytes) {
  return (bytes + kHugePageBytes - 1) / kHugePageBytes * kHugePageBytes;
}

// Addresses for `bytes` (a multiple of 2 MiB) that begin at a multiple of 2 MiB; nullptr when the
// system refuses.
std::byte* reserve(size_t bytes, int protection) {
  const size_t asked = bytes + kHugePageBytes;
  void* const memory =
      ::mmap(nullptr, asked, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return nullptr;
  auto* const begin = static_cast<std::byte*>(memory);
  const size_t before =
      round_up(reinterpret_cast<uintptr_t>(begin)) - reinterpret_cast<uintptr_t>(begin);
  if (before > 0) ::munmap(begin, before);
  if (before < kHugePageBytes) ::munmap(begin + before + bytes, kHugePageBytes - before);
  return begin + before;
}

}  // namespace

bool huge_pages_granted() {
  if (::prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) == 1) return false;
  std::string modes;  // as "always [madvise] never"
  std::getline(std::ifstream("/sys/kernel/mm/transparent_hugepage/enabled"), modes);
  return modes.find("[always]") != modes.npos || modes.find("[madvise]") != modes.npos;
}

Result<std::unique_ptr<WeightMemory>> WeightMemory::map(PackedFile file, const Options& options) {
  std::unique_ptr<WeightMemory> memory(new WeightMemory(std::move(file)));
  RETURN_IF_ERROR(memory->map_data());
  memory->start(options);
  return memory;
}

void WeightMemory::start(const Options& options) {
  try {
    thread_ = std::jthread([=, this](const std::stop_token& stop) { run(stop, options); });
  } catch (const std::system_error& failure) {  // a limit on processes
    log_warning("{}: not verified in the background: {}", file_.path().string(), failure.what());
    settled_ = true;
  }
}

WeightMemory::~WeightMemory() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
  if (data_ != nullptr) ::munmap(data_, reserved_bytes_);
}

Status WeightMemory::map_data() {
  if (file_.data_bytes() == 0) return Status();
  const size_t reserved = round_up(file_.data_bytes());
  std::byte* const place = reserve(reserved, PROT_NONE);
  if (place == nullptr) {
    return error(StatusCode::kResourceExhausted, "{}: no addresses for {} (ulimit -v)",
                 file_.path().string(), describe_bytes(static_cast<int64_t>(reserved)));
  }
  data_ = place;
  reserved_bytes_ = reserved;
  return map_file(0, file_.data_bytes());
}

Status WeightMemory::map_file(uint64_t offset, size_t bytes) {
  void* const mapped = ::mmap(data_ + offset, bytes, PROT_READ, MAP_SHARED | MAP_FIXED,
                              file_.descriptor(), static_cast<off_t>(kPackedDataOffset + offset));
  return mapped == MAP_FAILED ? file_error(file_.path(), errno) : Status();
}

// Clients may read this: the log has the path.
Status WeightMemory::status() const {
  switch (state_.load(std::memory_order_acquire)) {
    case State::kUsable:
      return Status();
    case State::kDamaged:
      return error(StatusCode::kInternal,
                   "the packed weights are damaged; a restart makes them again");
    case State::kLost:
      return error(StatusCode::kInternal,
                   "the system took back the memory of the weights; a restart maps them again");
  }
  check_failed(__FILE__, __LINE__, "state", "a State that does not exist");
}

void WeightMemory::settle() {
  std::unique_lock lock(mutex_);
  hurried_ = true;
  changed_.notify_all();
  changed_.wait(lock, [&] { return settled_; });
}

void WeightMemory::run(const std::stop_token& stop, const Options& options) {
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::syscall(SYS_gettid)), kNice);
  {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, stop, options.delay, [&] { return hurried_; });
  }
  visit_pieces(stop, options.use_huge_pages && huge_pages_granted());
  if (options.check_origin && state_ == State::kUsable && !stop.stop_requested()) {
    const Status origin = options.check_origin(stop);
    if (origin.code() == StatusCode::kDataLoss) find_damaged(origin);
  }
  const std::lock_guard lock(mutex_);
  settled_ = true;
  changed_.notify_all();
}

void WeightMemory::find_damaged(const Status& status) {
  file_.remove();
  state_.store(State::kDamaged, std::memory_order_release);
  log_error("{}: {} is removed, so that a restart makes it again; until then nothing is computed",
            status.message(), file_.path().string());
}

void WeightMemory::visit_pieces(const std::stop_token& stop, bool move) {
  const auto started = std::chrono::steady_clock::now();
  size_t unread = 0;
  for (size_t i = 0; i < file_.piece_count(); ++i) {
    if (stop.stop_requested()) return;
    const auto left = static_cast<int64_t>(file_.data_bytes() - moved_bytes_);
    move = move && available_memory_bytes() > left + kMemoryToKeepBytes;
    const Status status = visit_piece(i, move);
    if (state_ != State::kUsable) return;
    if (status.ok()) continue;
    // The same pages are mapped and serve on: a disk or network that could not be read now says
    // nothing of the file.
    if (unread++ == 0) log_warning("{}; the weights stay as they are mapped", status.message());
  }
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - started;
  log_info("{}: {} verified{}, {} moved into 2 MiB pages, in {:.1f} s", file_.path().string(),
           describe_bytes(static_cast<int64_t>(file_.data_bytes())),
           unread == 0 ? "" : fmt::format(" but for {} pieces of 32 MiB", unread),
           describe_bytes(static_cast<int64_t>(moved_bytes_)), taken.count());
}

// Reads the piece, and puts what was read in its place when `move` says so. Where the system has no
// room the piece stays as it is, verified or not: its next reader is the same file. Only what was
// read and is not what was written is damage.
Status WeightMemory::visit_piece(size_t piece, bool move) {
  const size_t bytes = file_.piece_bytes(piece);
  const size_t room = round_up(bytes);
  std::byte* const fresh = reserve(room, PROT_READ | PROT_WRITE);
  if (fresh == nullptr) {
    return error(StatusCode::kResourceExhausted, "{}: no memory to verify it",
                 file_.path().string());
  }
  if (move) ::madvise(fresh, room, MADV_HUGEPAGE);  // only advice
  Status status = file_.read_piece(piece, std::span(fresh, bytes));
  if (status.code() == StatusCode::kDataLoss) find_damaged(status);
  if (status.ok() && move && ::mprotect(fresh, room, PROT_READ) == 0) {
    const uint64_t offset = piece * kPackedPieceBytes;
    if (::mremap(fresh, room, room, MREMAP_MAYMOVE | MREMAP_FIXED, data_ + offset) != MAP_FAILED) {
      moved_bytes_ += bytes;
      return Status();
    }
    const Status mapped = map_file(offset, bytes);  // a call that fails may have unmapped it
    if (!mapped.ok()) {
      state_.store(State::kLost, std::memory_order_release);
      log_error("{}: could not be mapped again; nothing is computed any more", mapped.message());
    }
  }
  ::munmap(fresh, room);
  return status;
}

}  // namespace puna

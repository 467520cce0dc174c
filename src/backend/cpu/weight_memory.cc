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
#include <utility>

#include "backend/cpu/page_memory.h"
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
  memory->thread_ = std::jthread(
      [self = memory.get(), options](const std::stop_token& stop) { self->run(stop, options); });
  return memory;
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
                 file_.path().string(), describe_memory(static_cast<int64_t>(reserved)));
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

Status WeightMemory::status() const {
  if (!damaged_.load(std::memory_order_acquire)) return Status();
  return error(StatusCode::kInternal,
               "the packed weights {} are damaged; a restart makes them again",
               file_.path().string());
}

void WeightMemory::wait_until_settled() const {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return settled_; });
}

void WeightMemory::run(const std::stop_token& stop, const Options& options) {
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::syscall(SYS_gettid)), kNice);
  {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, stop, options.delay, [] { return false; });
  }
  const bool move = options.use_huge_pages && huge_pages_granted();
  if (const Status status = visit_pieces(stop, move); !status.ok()) {
    file_.remove();
    damaged_.store(true, std::memory_order_release);
    log_error("{}: removed, so that a restart makes it again; until then nothing is computed",
              status.message());
  }
  const std::lock_guard lock(mutex_);
  settled_ = true;
  changed_.notify_all();
}

Status WeightMemory::visit_pieces(const std::stop_token& stop, bool move) {
  const auto started = std::chrono::steady_clock::now();
  std::vector<std::byte> buffer;
  for (size_t i = 0; i < file_.piece_count() && !stop.stop_requested(); ++i) {
    const auto left = static_cast<int64_t>(file_.data_bytes() - moved_bytes_);
    move = move && available_memory_bytes() > left + kMemoryToKeepBytes;
    if (move) {
      RETURN_IF_ERROR(move_piece(i));
    } else {
      buffer.resize(kPackedPieceBytes);
      RETURN_IF_ERROR(file_.read_piece(i, std::span(buffer).first(file_.piece_bytes(i))));
    }
  }
  if (stop.stop_requested()) return Status();
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - started;
  log_info("{}: {} verified, {} moved into 2 MiB pages, in {:.1f} s", file_.path().string(),
           describe_memory(static_cast<int64_t>(file_.data_bytes())),
           describe_memory(static_cast<int64_t>(moved_bytes_)), taken.count());
  return Status();
}

// Where the system has no room the piece stays as it is, verified or not: its next reader is the
// same file.
Status WeightMemory::move_piece(size_t piece) {
  const size_t bytes = file_.piece_bytes(piece);
  const size_t room = round_up(bytes);
  std::byte* const fresh = reserve(room, PROT_READ | PROT_WRITE);
  if (fresh == nullptr) return Status();
  ::madvise(fresh, room, MADV_HUGEPAGE);  // only advice
  Status status = file_.read_piece(piece, std::span(fresh, bytes));
  if (status.ok() && ::mprotect(fresh, room, PROT_READ) == 0) {
    const uint64_t offset = piece * kPackedPieceBytes;
    if (::mremap(fresh, room, room, MREMAP_MAYMOVE | MREMAP_FIXED, data_ + offset) != MAP_FAILED) {
      moved_bytes_ += bytes;
      return Status();
    }
    status = map_file(offset, bytes);  // a call that fails may have unmapped what was there
  }
  ::munmap(fresh, room);
  return status;
}

}  // namespace puna

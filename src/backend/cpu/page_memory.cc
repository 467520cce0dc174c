// Anonymous mmap with huge pages where the system gives them; memory from /proc and the
// control groups.

#include "backend/cpu/page_memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <string>
#include <utility>

#include "base/bytes.h"
#include "base/cgroup.h"

namespace puna {
namespace {

int64_t memory_of_system() {
  std::ifstream file("/proc/meminfo");  // lines as "MemAvailable:   123 kB"
  std::string key;
  int64_t kilobytes = 0;
  while (file >> key) {
    if (key == "MemAvailable:" && file >> kilobytes) return kilobytes * 1024;
    file.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
  }
  return std::numeric_limits<int64_t>::max();
}

}  // namespace

PageMemory::~PageMemory() {
  if (data_ != nullptr) munmap(data_, size_);
}

PageMemory::PageMemory(PageMemory&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

PageMemory& PageMemory::operator=(PageMemory&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

Result<PageMemory> PageMemory::allocate(size_t bytes, std::string_view what) {
  void* data = mmap(nullptr, std::max<size_t>(bytes, 1), PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (data == MAP_FAILED) {
    return error(StatusCode::kResourceExhausted, "no memory for {}: {} asked for", what,
                 describe_bytes(static_cast<int64_t>(bytes)));
  }
  madvise(data, bytes, MADV_HUGEPAGE);  // only advice: what it answers does not matter
  return PageMemory(static_cast<std::byte*>(data), std::max<size_t>(bytes, 1));
}

int64_t available_memory_bytes() {
  const int64_t system = memory_of_system();
  return std::min(system, cgroup_memory_left().value_or(system));
}

}  // namespace puna

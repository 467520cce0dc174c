// PageMemory: zeroed pages straight from the system, which take no room until they are written; and
// how much room there is.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/status.h"

namespace puna {

class PageMemory {
 public:
  PageMemory() = default;
  ~PageMemory();
  PageMemory(PageMemory&& other) noexcept;
  PageMemory& operator=(PageMemory&& other) noexcept;

  // kResourceExhausted when the system refuses; `what` names the use in the message.
  static Result<PageMemory> allocate(size_t bytes, std::string_view what);

  std::byte* data() const { return data_; }
  size_t size() const { return size_; }

 private:
  PageMemory(std::byte* data, size_t size) : data_(data), size_(size) {}

  std::byte* data_ = nullptr;
  size_t size_ = 0;
};

// Bytes this process may still use: the system's free memory, bounded by its cgroup's limit.
int64_t available_memory_bytes();

}  // namespace puna

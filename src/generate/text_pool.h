// TextPool: threads for work on text (parsing, templates, tokenizing), beside those that move bytes
// and those that compute.
//
// Short work never waits behind long. The thread for long work has low priority, and does one
// piece at a time, so that running answers keep their pace and memory is that of one. Thread-safe.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include "base/status.h"

namespace puna {

inline constexpr size_t kShortTextBytes = 16 << 10;
inline constexpr size_t kTextJobsWaitingMax = 1024;        // of each length
inline constexpr size_t kTextBytesWaitingMax = 128 << 20;  // of each length; one may be longer

class TextPool {
 public:
  TextPool();
  ~TextPool();  // what has not begun is dropped
  TextPool(const TextPool&) = delete;
  TextPool& operator=(const TextPool&) = delete;

  // `work` runs once on a thread of the pool; `bytes` is how much text it is about.
  // kResourceExhausted: too much waits already.
  Status run(size_t bytes, std::function<void()> work);
  // Until work on so much text would begin, as measured; 0 when nothing is known.
  double wait_seconds(size_t bytes) const;

 private:
  class Lane;
  Lane& lane_of(size_t bytes) const { return bytes <= kShortTextBytes ? *short_ : *long_; }
  std::unique_ptr<Lane> short_, long_;
};

}  // namespace puna

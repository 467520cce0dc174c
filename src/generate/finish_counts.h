// FinishCounts: how answers ended, as those who read them saw it. A stop string may be found when
// the engine has gone on to another end. Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>

#include "engine/engine_stats.h"
#include "generate/generation_request.h"

namespace puna {

class FinishCounts {
 public:
  void add(FinishReason reason) {
    switch (reason) {
      case FinishReason::kNone:
        return;
      case FinishReason::kStop:
        ++stop_;
        return;
      case FinishReason::kLength:
      case FinishReason::kDeadline:
        ++length_;
        return;
      case FinishReason::kCancelled:
        ++cancelled_;
        return;
      case FinishReason::kError:
        ++error_;
        return;
    }
  }

  void write_to(EngineStats& stats) const {
    stats.finished_stop = stop_;
    stats.finished_length = length_;
    stats.finished_cancelled = cancelled_;
    stats.finished_error = error_;
  }

 private:
  std::atomic<uint64_t> stop_ = 0, length_ = 0, cancelled_ = 0, error_ = 0;
};

}  // namespace puna

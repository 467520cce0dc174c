// Clock: where durations come from. Monotonic, so a step of the wall clock never ends a request.
#pragma once

#include <atomic>
#include <chrono>

namespace puna {

class Clock {
 public:
  using Time = std::chrono::steady_clock::time_point;
  virtual ~Clock() = default;
  virtual Time now() const = 0;
};

class SteadyClock final : public Clock {
 public:
  Time now() const override { return std::chrono::steady_clock::now(); }
};

// Stands still until a test moves it.
class ManualClock final : public Clock {
 public:
  Time now() const override { return Time(std::chrono::nanoseconds(nanoseconds_.load())); }
  void advance(std::chrono::nanoseconds duration) { nanoseconds_ += duration.count(); }

 private:
  std::atomic<int64_t> nanoseconds_{0};
};

}  // namespace puna

// MachineSpeed: what this machine gives at most, measured: the limits that a benchmark compares
// itself with.
//
// Neither is a constant: memory is shared with neighbours, and clocks change. So each is measured
// often, in the same minutes as the work it bounds. Both use the best instruction set there is,
// whatever PUNA_ISA says.
#pragma once

#include <cstddef>

#include "backend/cpu/page_memory.h"
#include "base/clock.h"
#include "base/status.h"
#include "base/thread_pool.h"

namespace puna {

class MachineSpeed {
 public:
  // `bytes` is the size of the array that is read, far beyond any cache. It lies in 2 MiB pages
  // where the system gives them.
  static Result<MachineSpeed> open(size_t thread_count, size_t bytes);
  static Result<MachineSpeed> open(size_t thread_count, size_t bytes, const Clock& clock);

  // Bytes per second that all threads read together, in one pass over the array.
  double read_bandwidth();
  // int8 multiplications and additions per second of all threads, from registers.
  double int8_operations();

 private:
  MachineSpeed(size_t thread_count, const Clock& clock)
      : clock_(&clock), pool_(std::make_unique<ThreadPool>(thread_count)) {}
  double seconds_since(Clock::Time start) const;

  const Clock* clock_;
  std::unique_ptr<ThreadPool> pool_;
  PageMemory memory_;
};

}  // namespace puna

// Threads take pieces of the array, and of the rounds, as they come for them: one that loses its
// core for a moment does not hold up the measurement.

#include "backend/cpu/machine_speed.h"

#include <atomic>
#include <chrono>
#include <cstring>
#include <memory>

#include "backend/cpu/machine_speed_loops.h"

namespace puna {

extern const MachineSpeedLoops kPortableSpeedLoops;
#if defined(__x86_64__)
extern const MachineSpeedLoops kAvx2SpeedLoops;
extern const MachineSpeedLoops kAvx512SpeedLoops;
MachineSpeedLoops avx_vnni_speed_loops();
#endif

const MachineSpeedLoops& machine_speed_loops(Isa isa) {
  switch (isa) {
    case Isa::kPortable:
      return kPortableSpeedLoops;
#if defined(__x86_64__)
    case Isa::kAvx2:
      return kAvx2SpeedLoops;
    case Isa::kAvxVnni: {
      static const MachineSpeedLoops loops = avx_vnni_speed_loops();
      return loops;
    }
    case Isa::kAvx512Vnni:
    case Isa::kAvx512:
      return kAvx512SpeedLoops;
#else
    default:
      break;
#endif
  }
  check_failed(__FILE__, __LINE__, "isa", "an Isa that this program does not have");
}

namespace {

constexpr size_t kReadChunkBytes = size_t{1} << 20;
constexpr size_t kReadChunkWords = kReadChunkBytes / sizeof(uint64_t);
// A piece is about a millisecond on a fast core, and all of them some tens.
constexpr int64_t kOperationsPerPiece = 400'000'000;
constexpr size_t kPiecesPerThread = 40;

const MachineSpeedLoops& best_loops() {
  for (const Isa isa : {Isa::kAvx512Vnni, Isa::kAvxVnni, Isa::kAvx2}) {
    if (is_supported(isa)) return machine_speed_loops(isa);
  }
  return machine_speed_loops(Isa::kPortable);
}

}  // namespace

Result<MachineSpeed> MachineSpeed::open(size_t thread_count, size_t bytes) {
  static const SteadyClock clock;
  return open(thread_count, bytes, clock);
}

Result<MachineSpeed> MachineSpeed::open(size_t thread_count, size_t bytes, const Clock& clock) {
  MachineSpeed speed(thread_count, clock);
  const size_t size = (bytes + kReadChunkBytes - 1) / kReadChunkBytes * kReadChunkBytes;
  ASSIGN_OR_RETURN(speed.memory_, PageMemory::allocate(size, "measuring the read bandwidth"));
  // Written by the threads that read it: on machines of several nodes it then lies near them.
  speed.pool_->parallel_for(size, kReadChunkBytes, [&](size_t first, size_t last) {
    std::memset(speed.memory_.data() + first, 1, last - first);
  });
  return speed;
}

double MachineSpeed::seconds_since(Clock::Time start) const {
  return std::chrono::duration<double>(clock_->now() - start).count();
}

double MachineSpeed::read_bandwidth() {
  const MachineSpeedLoops& loops = best_loops();
  const auto* const words = reinterpret_cast<const uint64_t*>(memory_.data());
  std::atomic<uint64_t> sum = 0;
  const Clock::Time start = clock_->now();
  pool_->parallel_for(
      memory_.size() / sizeof(uint64_t), kReadChunkWords, [&](size_t first, size_t last) {
        sum.fetch_add(loops.read(words + first, last - first), std::memory_order_relaxed);
      });
  const double seconds = seconds_since(start);
  constexpr uint64_t kWord = 0x0101010101010101U;
  CHECK(sum == kWord * (memory_.size() / sizeof(uint64_t)), "the whole array was read");
  return static_cast<double>(memory_.size()) / seconds;
}

double MachineSpeed::int8_operations() {
  const MachineSpeedLoops& loops = best_loops();
  const auto rounds = static_cast<size_t>(kOperationsPerPiece / loops.operations_per_round);
  const size_t pieces = kPiecesPerThread * pool_->thread_count();
  std::atomic<uint32_t> sum = 0;
  const Clock::Time start = clock_->now();
  pool_->parallel_for(pieces, 1, [&](size_t first, size_t last) {
    for (size_t i = first; i < last; ++i) {
      sum.fetch_add(loops.multiply(rounds), std::memory_order_relaxed);
    }
  });
  const double seconds = seconds_since(start);
  const int64_t operations = loops.operations_per_round * static_cast<int64_t>(rounds * pieces);
  CHECK(sum == expected_sum(operations), "all products were made");
  return static_cast<double>(operations) / seconds;
}

}  // namespace puna

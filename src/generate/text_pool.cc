// Two lanes, each with a queue and a thread of its own.

#include "generate/text_pool.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

#include "base/log.h"

namespace puna {
namespace {

// Beside a thread that computes, a quarter of a core. Much lower is no kindness: the allocator's
// and the kernel's locks are shared, and who holds one has to run for the others to go on.
constexpr int kNiceOfLongWork = 5;

// What every work costs beside its text, in bytes of text.
constexpr double kBytesOfAnyWork = 4096;
// Works that the measured speed is a mean of.
constexpr double kWorksRemembered = 32;

struct Job {
  size_t bytes = 0;
  std::function<void()> work;
};

void run_guarded(const Job& job) {
  try {
    job.work();
  } catch (const std::exception& failure) {  // work handles its own; this is for what it forgot
    log_error("work on a text ended by an exception: {}", failure.what());
  }
}

}  // namespace

class TextPool::Lane {
 public:
  explicit Lane(int nice)
      : thread_([this, nice](const std::stop_token& stop) { loop(stop, nice); }) {}

  Status push(Job job) {
    const std::lock_guard lock(mutex_);
    const bool too_many = jobs_.size() >= kTextJobsWaitingMax;
    const bool too_long = !jobs_.empty() && job.bytes > kTextBytesWaitingMax - bytes_;
    if (too_many || too_long) {
      return error(StatusCode::kResourceExhausted,
                   "too much text waits to be read: {} requests with {} bytes (at most {} and {}); "
                   "try again later",
                   jobs_.size(), bytes_, kTextJobsWaitingMax, kTextBytesWaitingMax);
    }
    bytes_ += job.bytes;
    jobs_.push_back(std::move(job));
    changed_.notify_one();
    return {};
  }

  double wait_seconds() {
    const std::lock_guard lock(mutex_);
    const double bytes = static_cast<double>(bytes_ + working_bytes_) +
                         kBytesOfAnyWork * static_cast<double>(jobs_.size() + (works_ ? 1 : 0));
    return works_ ? bytes * seconds_per_byte_ : 0;
  }

 private:
  void loop(const std::stop_token& stop, int nice) {
    if (nice != 0) {
      ::setpriority(PRIO_PROCESS, static_cast<id_t>(::syscall(SYS_gettid)), nice);
    }
    std::unique_lock lock(mutex_);
    while (changed_.wait(lock, stop, [this] { return !jobs_.empty(); }) && !stop.stop_requested()) {
      const Job job = std::move(jobs_.front());
      jobs_.pop_front();
      bytes_ -= job.bytes;
      working_bytes_ = job.bytes;
      works_ = true;
      lock.unlock();
      const auto began = std::chrono::steady_clock::now();
      run_guarded(job);
      const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
      lock.lock();
      works_ = false;
      measured_ = std::min(measured_ + 1, kWorksRemembered);
      const double cost = took.count() / (static_cast<double>(job.bytes) + kBytesOfAnyWork);
      seconds_per_byte_ += (cost - seconds_per_byte_) / measured_;
    }
  }

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Job> jobs_;
  size_t bytes_ = 0;  // of jobs_
  size_t working_bytes_ = 0;
  bool works_ = false;
  double seconds_per_byte_ = 0, measured_ = 0;
  std::jthread thread_;  // last: uses everything above
};

TextPool::TextPool()
    : short_(std::make_unique<Lane>(0)), long_(std::make_unique<Lane>(kNiceOfLongWork)) {}

TextPool::~TextPool() = default;

Status TextPool::run(size_t bytes, std::function<void()> work) {
  return lane_of(bytes).push({bytes, std::move(work)});
}

double TextPool::wait_seconds(size_t bytes) const { return lane_of(bytes).wait_seconds(); }

}  // namespace puna

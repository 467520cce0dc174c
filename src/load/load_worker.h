// LoadWorker: one thread of the generator: its part of the customers, their requests, what became
// of them.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "load/load_settings.h"
#include "load/load_statistics.h"
#include "load/pace.h"
#include "load/transfers.h"

namespace puna {

class LoadWorker {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // `settings` and `stop` outlive it. At most `connections_max` requests are in flight; what is due
  // meanwhile is sent late, and counts from when it was due.
  static Result<std::unique_ptr<LoadWorker>> open(const LoadSettings& settings,
                                                  std::unique_ptr<Pace> pace,
                                                  size_t connections_max,
                                                  const std::atomic<bool>& stop);
  ~LoadWorker();

  // Until nothing is to be sent any more and all is answered, or until `stop`: then what is in
  // flight is dropped. Nothing is sent before `began`.
  void run(Time began);
  // So far; from any thread.
  LoadStatistics statistics() const;
  void add_to(LoadProgress& sum) const;

 private:
  class Exchange;

  LoadWorker(const LoadSettings& settings, std::unique_ptr<Pace> pace, size_t connections_max,
             const std::atomic<bool>& stop);
  double seconds() const;  // since the run began
  void send_due();
  void send(Customer& customer, double intended);
  std::optional<double> next_due() const;
  void note_wake();

  const LoadSettings& settings_;
  const std::unique_ptr<Pace> pace_;
  const size_t connections_max_;
  const std::atomic<bool>& stop_;
  std::vector<std::unique_ptr<Exchange>> exchanges_;
  std::vector<Exchange*> idle_;           // of them
  std::unique_ptr<Transfers> transfers_;  // goes before what it calls
  Time began_;
  double wake_due_ = 0;
  mutable std::mutex mutex_;  // the progress is read while the run goes on
  LoadStatistics statistics_;
};

}  // namespace puna

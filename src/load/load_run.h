// LoadRun: a run of the generator on a few threads, from the first request to the last answer.
#pragma once

#include <chrono>
#include <memory>

#include "load/load_settings.h"
#include "load/load_statistics.h"
#include "load/scenario.h"

namespace puna {

class LoadRun {
 public:
  // kResourceExhausted: this process may not have so many connections, or threads.
  static Result<std::unique_ptr<LoadRun>> start(LoadSettings settings,
                                                const std::shared_ptr<const Scenario>& scenario);
  ~LoadRun();  // interrupts it
  LoadRun(const LoadRun&) = delete;
  LoadRun& operator=(const LoadRun&) = delete;

  // Whether it is over, waiting so long for that.
  bool wait(std::chrono::milliseconds time) const;
  double seconds() const;  // since it began; of a run that is over: how long it took
  LoadProgress progress() const;
  void interrupt();  // sends nothing more and drops what is in flight
  LoadStatistics statistics() const;

 private:
  struct State;
  explicit LoadRun(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace puna

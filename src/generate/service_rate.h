// ServiceRate: how long requests take here, for an honest Retry-After. Thread-safe.
#pragma once

#include <chrono>
#include <mutex>

namespace puna {

inline constexpr int kRetryAfterSecondsMax = 60;

class ServiceRate {
 public:
  // One request took this long, from submission to its end.
  void add(std::chrono::duration<double> total);

  // Seconds until one of `running` requests has ended for each of `waiting` and one more; from 1
  // to kRetryAfterSecondsMax.
  int retry_after_seconds(int running, int waiting) const;

 private:
  mutable std::mutex mutex_;
  double mean_seconds_ = 0;  // exponential, so that old load is forgotten
};

}  // namespace puna

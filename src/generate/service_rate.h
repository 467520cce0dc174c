// ServiceRate: how long requests hold a slot here, for an honest Retry-After. Thread-safe.
#pragma once

#include <chrono>
#include <mutex>

namespace puna {

// A day: a longer wait is told as this.
inline constexpr int kRetryAfterSecondsMax = 24 * 60 * 60;

class ServiceRate {
 public:
  // A request has a slot. It ends by one of the next two.
  void begin();
  // It gave its slot back after this long; the time it waited for one is not in it.
  void add(std::chrono::duration<double> in_slot);
  // It failed, which says nothing of how long answers take.
  void drop();

  // How long a request holds its slot; 0 when nothing is known.
  double mean_seconds() const;
  // Until the `place`th of those that wait begins, when so many run; 0 when nothing is known.
  double seconds_until(int place, int running) const;
  // Seconds until one of `running` requests has ended for each of `waiting` and one more, which is
  // when a request that came now would begin; from 1 to kRetryAfterSecondsMax.
  int retry_after_seconds(int running, int waiting) const;

 private:
  mutable std::mutex mutex_;
  double in_slots_ = 0;
  double mean_in_slots_ = 0;  // as those saw it who ended; less than what runs now, it has no say
  double mean_seconds_ = 0;  // of about the last kRequestsRemembered, so that old load is forgotten
  double seen_ = 0;          // requests, at most kRequestsRemembered
};

}  // namespace puna

// Little's law: with `running` slots that each are held for the mean time, one is free every
// mean / running. How many run goes up and down where memory for keys and values limits it, so the
// mean of it counts too.

#include "generate/service_rate.h"

#include <algorithm>
#include <cmath>

namespace puna {

namespace {

// Enough for a mean within a tenth of the truth where lengths differ as much as they usually do.
constexpr double kRequestsRemembered = 128;

}  // namespace

void ServiceRate::begin() {
  const std::lock_guard lock(mutex_);
  in_slots_ += 1;
}

void ServiceRate::drop() {
  const std::lock_guard lock(mutex_);
  in_slots_ = std::max(0.0, in_slots_ - 1);
}

void ServiceRate::add(std::chrono::duration<double> in_slot) {
  const std::lock_guard lock(mutex_);
  seen_ = std::min(seen_ + 1, kRequestsRemembered);
  mean_seconds_ += (in_slot.count() - mean_seconds_) / seen_;
  mean_in_slots_ += (in_slots_ - mean_in_slots_) / seen_;
  in_slots_ = std::max(0.0, in_slots_ - 1);
}

double ServiceRate::mean_seconds() const {
  const std::lock_guard lock(mutex_);
  return mean_seconds_;
}

double ServiceRate::seconds_until(int place, int running) const {
  const std::lock_guard lock(mutex_);
  return mean_seconds_ * place /
         std::max<double>({mean_in_slots_, static_cast<double>(running), 1});
}

int ServiceRate::retry_after_seconds(int running, int waiting) const {
  const double seconds = seconds_until(waiting + 1, running);
  return static_cast<int>(std::ceil(std::clamp<double>(seconds, 1, kRetryAfterSecondsMax)));
}

}  // namespace puna

// Little's law: with `running` slots that each are held for the mean time, one is free every
// mean / running.

#include "generate/service_rate.h"

#include <algorithm>
#include <cmath>

namespace puna {

namespace {

// Enough for a mean within a tenth of the truth where lengths differ as much as they usually do.
constexpr double kRequestsRemembered = 128;

}  // namespace

void ServiceRate::add(std::chrono::duration<double> in_slot) {
  const std::lock_guard lock(mutex_);
  seen_ = std::min(seen_ + 1, kRequestsRemembered);
  mean_seconds_ += (in_slot.count() - mean_seconds_) / seen_;
}

double ServiceRate::mean_seconds() const {
  const std::lock_guard lock(mutex_);
  return mean_seconds_;
}

int ServiceRate::retry_after_seconds(int running, int waiting) const {
  const std::lock_guard lock(mutex_);
  const double seconds = mean_seconds_ * (waiting + 1) / std::max(running, 1);
  return static_cast<int>(std::ceil(std::clamp<double>(seconds, 1, kRetryAfterSecondsMax)));
}

}  // namespace puna

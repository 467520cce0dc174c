// Little's law: with `running` slots that each take the mean time, one ends every mean / running.

#include "generate/service_rate.h"

#include <algorithm>
#include <cmath>

namespace puna {

namespace {

constexpr double kNewestWeight = 0.1;

}  // namespace

void ServiceRate::add(std::chrono::duration<double> total) {
  const std::lock_guard lock(mutex_);
  mean_seconds_ = mean_seconds_ == 0
                      ? total.count()
                      : (1 - kNewestWeight) * mean_seconds_ + kNewestWeight * total.count();
}

int ServiceRate::retry_after_seconds(int running, int waiting) const {
  const std::lock_guard lock(mutex_);
  const double seconds = mean_seconds_ * (waiting + 1) / std::max(running, 1);
  return static_cast<int>(std::ceil(std::clamp<double>(seconds, 1, kRetryAfterSecondsMax)));
}

}  // namespace puna

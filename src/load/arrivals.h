// PoissonArrivals: when the requests of an open loop are meant to be sent, whatever the server
// does. Pure: the same seed gives the same moments.
#pragma once

#include <optional>
#include <utility>

#include "load/load_profile.h"
#include "load/random_draws.h"

namespace puna {

class PoissonArrivals {
 public:
  PoissonArrivals(LoadProfile rate, uint64_t seed)
      : rate_(std::move(rate)), draws_(seed, kArrivalStream) {}

  // Seconds from the beginning, rising; nothing when no request comes any more.
  std::optional<double> next() {
    amount_ += draws_.exponential();
    return rate_.moment_of(amount_);
  }

 private:
  static constexpr uint64_t kArrivalStream = 1;

  LoadProfile rate_;
  RandomDraws draws_;
  double amount_ = 0;
};

}  // namespace puna

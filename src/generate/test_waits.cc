// Sums of what was told and what was true.

#include "generate/test_waits.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>

namespace puna {

void expect_honest(std::vector<ToldWait> waits, size_t count_min, double mean_error,
                   const std::string& what) {
  ASSERT_GT(waits.size(), count_min) << what;
  // Nothing is known yet.
  waits.erase(waits.begin(), waits.begin() + static_cast<long>(waits.size()) / 10);
  double told = 0, truth = 0;
  long near = 0;
  for (const ToldWait& one : waits) {
    told += one.told;
    truth += one.truth;
    near += std::abs(one.told - one.truth) <= 0.3 * one.truth + 1 ? 1 : 0;  // in whole seconds
  }
  const auto count = static_cast<double>(waits.size());
  const double share = static_cast<double>(near) / count;
  ::testing::Test::RecordProperty(what, fmt::format("{:.2f} {:.2f}", told / truth, share));
  EXPECT_NEAR(told / truth, 1, mean_error)
      << what << ": told " << told / count << " s, true " << truth / count;
  EXPECT_GT(share, 0.8) << what;
}

}  // namespace puna

// Who was turned away, and whether it was told the truth. For tests.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace puna {

// Seconds until a client that was turned away should come back, and until it would have begun.
struct ToldWait {
  double told = 0, truth = 0;
};

// Fails unless more than `count_min` were told the truth: in the mean within a share of
// `mean_error`, and four of five within 30 %. `what` names the case.
void expect_honest(std::vector<ToldWait> waits, size_t count_min, double mean_error,
                   const std::string& what);

}  // namespace puna

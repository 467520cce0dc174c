// Perplexity, divergence and agreement of distributions that can be computed by hand.

#include "agreement.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace puna {
namespace {

TEST(Agreement, OfAModelWithItselfIsPerfect) {
  ThreadPool pool(2);
  const std::vector<float> logits = {1, 2, 3, 0, -1, 5};
  Agreement agreement;
  add_chunk(logits, logits, std::vector<TokenId>{2, 0}, pool, agreement);
  EXPECT_EQ(agreement.token_count, 2U);
  EXPECT_DOUBLE_EQ(agreement.mean_divergence(), 0);
  EXPECT_DOUBLE_EQ(agreement.top1(), 1);
}

TEST(Agreement, OfTwoCoinsIsWhatTheFormulasSay) {
  ThreadPool pool(1);
  const auto log_of = [](double probability) { return static_cast<float>(std::log(probability)); };
  // The reference says (1/4, 3/4) twice, the model (1/2, 1/2) and then (7/8, 1/8), both shifted.
  const std::vector<float> reference = {log_of(0.25), log_of(0.75), log_of(0.25), log_of(0.75)};
  const std::vector<float> logits = {3, 3, log_of(0.875) - 2, log_of(0.125) - 2};
  Agreement agreement;
  add_chunk(logits, reference, std::vector<TokenId>{1, 0}, pool, agreement);
  EXPECT_NEAR(agreement.perplexity(), 1 / std::sqrt(0.5 * 0.875), 1e-6);
  const double first = 0.25 * std::log(0.25 / 0.5) + 0.75 * std::log(0.75 / 0.5);
  const double second = 0.25 * std::log(0.25 / 0.875) + 0.75 * std::log(0.75 / 0.125);
  EXPECT_NEAR(agreement.mean_divergence(), (first + second) / 2, 1e-6);
  EXPECT_NEAR(agreement.divergence_max, second, 1e-6);
  EXPECT_NEAR(agreement.divergence_error(), (second - first) / 2, 1e-6);
  EXPECT_DOUBLE_EQ(agreement.top1(), 0);  // of two equal ones the first counts
}

}  // namespace
}  // namespace puna

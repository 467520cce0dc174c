// Tests of Status, Result and their macros.

#include "base/status.h"

#include <gtest/gtest.h>

#include <memory>

namespace puna {
namespace {

Result<int> half(int value) {
  if (value % 2 != 0) return invalid_argument("value: {} is odd; pass an even number", value);
  return value / 2;
}

Result<int> quarter(int value) {
  ASSIGN_OR_RETURN(const int once, half(value));
  ASSIGN_OR_RETURN(const int twice, half(once));
  return twice;
}

Status needs_even(int value) {
  RETURN_IF_ERROR(half(value).status());
  return {};
}

TEST(Status, CarriesCodeAndMessage) {
  const Status status = error(StatusCode::kNotFound, "{}: no such file", "a.txt");
  EXPECT_FALSE(status.ok());
  EXPECT_EQ(status.code(), StatusCode::kNotFound);
  EXPECT_EQ(status.with_context("model").message(), "model: a.txt: no such file");
  EXPECT_TRUE(Status().with_context("model").ok());
}

TEST(Status, HasTheNumbersOfPjrt) {
  EXPECT_EQ(static_cast<int>(StatusCode::kInvalidArgument), 3);
  EXPECT_EQ(static_cast<int>(StatusCode::kUnavailable), 14);
}

TEST(Result, MacrosPassErrorsUp) {
  EXPECT_EQ(*quarter(12), 3);
  EXPECT_EQ(quarter(6).status().message(), "value: 3 is odd; pass an even number");
  EXPECT_TRUE(needs_even(2).ok());
  EXPECT_FALSE(needs_even(3).ok());
}

TEST(Result, HoldsWhatCanOnlyBeMoved) {
  Result<std::unique_ptr<int>> result(std::make_unique<int>(4));
  const std::unique_ptr<int> taken = std::move(result).value();
  EXPECT_EQ(*taken, 4);
}

TEST(ResultDeathTest, ValueOfAnErrorIsABug) {
  EXPECT_DEATH({ [[maybe_unused]] const int value = *half(1); }, "value: 1 is odd");
}

TEST(Status, KnowsTheFieldItIsAbout) {
  const Status wrong = invalid_field("top_p", "is {}", 3);
  EXPECT_EQ(wrong.message(), "top_p is 3");
  EXPECT_EQ(wrong.field(), "top_p");
  EXPECT_EQ(wrong.with_context("request 2").field(), "top_p");
  EXPECT_EQ(invalid_argument("a_word that looks like one").field(), "");
  EXPECT_EQ(invalid_argument("stop: too many").about("stop").field(), "stop");
  EXPECT_EQ(wrong.about("the whole request").field(), "top_p") << "the first to say knows best";
  EXPECT_TRUE(Status().about("top_p").ok());
}

}  // namespace
}  // namespace puna

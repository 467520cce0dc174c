// What is thrown and what becomes of it.

#include "base/exceptions.h"

#include <gtest/gtest.h>

#include <new>
#include <stdexcept>
#include <system_error>

namespace puna {
namespace {

TEST(Catching, ReturnsWhatTheWorkReturns) {
  EXPECT_TRUE(catching([] { return Status(); }).ok());
  EXPECT_EQ(catching([] { return invalid_argument("no"); }).message(), "no");
}

TEST(Catching, RunningOutIsToldFromOtherFailures) {
  const auto code_of = [](const auto& thrown) {
    return catching([&]() -> Status { throw thrown; }).code();
  };
  EXPECT_EQ(code_of(std::bad_alloc()), StatusCode::kResourceExhausted);
  EXPECT_EQ(code_of(std::length_error("vector")), StatusCode::kResourceExhausted);
  EXPECT_EQ(code_of(std::system_error(EAGAIN, std::generic_category())),
            StatusCode::kResourceExhausted);
  EXPECT_EQ(code_of(std::runtime_error("other")), StatusCode::kInternal);
  EXPECT_EQ(code_of(7), StatusCode::kInternal);
}

}  // namespace
}  // namespace puna

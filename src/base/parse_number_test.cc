// What is a number, what has one in front, and what does not fit.

#include "base/parse_number.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace puna {
namespace {

TEST(ParseNumber, TakesAllOfTheTextOrNothing) {
  EXPECT_EQ(parse_number<int>("-12"), -12);
  EXPECT_EQ(parse_number<double>("2.5e1"), 25);
  for (const char* text : {"", " 1", "1 ", "+1", "1s", "one", "0x10"}) {
    EXPECT_EQ(parse_number<int>(text), std::nullopt) << text;
  }
}

TEST(ParseNumber, RefusesWhatItsTypeCannotHold) {
  EXPECT_EQ(parse_number<uint8_t>("255"), 255);
  EXPECT_EQ(parse_number<uint8_t>("256"), std::nullopt);
  EXPECT_EQ(parse_number<unsigned>("-1"), std::nullopt);
  EXPECT_EQ(parse_number<int64_t>("9223372036854775808"), std::nullopt);
}

}  // namespace
}  // namespace puna

// Roundings of amounts.

#include "base/bytes.h"

#include <gtest/gtest.h>

namespace puna {
namespace {

TEST(Bytes, AreSaidInTheLargestUnitThatTheyFill) {
  EXPECT_EQ(describe_bytes(0), "0 kB");
  EXPECT_EQ(describe_bytes(4096), "4 kB");
  EXPECT_EQ(describe_bytes(999'499), "999 kB");
  EXPECT_EQ(describe_bytes(999'500), "1.0 MB");
  EXPECT_EQ(describe_bytes(268'960'000), "269.0 MB");
  EXPECT_EQ(describe_bytes(999'949'999), "999.9 MB");
  EXPECT_EQ(describe_bytes(999'950'000), "1.0 GB");
  EXPECT_EQ(describe_bytes(13'480'000'000), "13.5 GB");
}

}  // namespace
}  // namespace puna

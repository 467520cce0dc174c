// The seed's table cell by cell, and that its faults are named.

#include "plan/seed_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace puna::plan {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(SeedTable, HasTheSeedsThreeRowsAndTenColumns) {
  const auto rows = seed_rows();
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_THAT(rows[0].columns(),
              ElementsAre("70b", "f16", "2", "70", "140", "8.75", "9", "5", "inf2.48x", "24"));
  EXPECT_THAT(rows[1].columns(),
              ElementsAre("13b", "f16", "2", "13", "26", "1.63", "2", "1", "inf2.24x", "12"));
  EXPECT_THAT(rows[2].columns(),
              ElementsAre("7b", "f16", "2", "7", "14", "0.88", "1", "1", "inf2.24x", "12"));
}

TEST(SeedTable, SaysWhatIsWrongWithIt) {
  const std::string text = describe_seed_table();
  EXPECT_THAT(text, HasSubstr("13b        f16"));
  EXPECT_THAT(text, HasSubstr("70b: tp 24 does not divide 64 heads and 8 KV heads evenly"));
  EXPECT_THAT(text, HasSubstr("13b: tp 12 does not divide 40 heads"));
  EXPECT_THAT(text, HasSubstr("7b: tp 12 does not divide 32 heads"));
  EXPECT_THAT(text, HasSubstr("keys and values are left out"));
  EXPECT_EQ(seed_table_json()["rows"][1]["tp"], "12");
}

}  // namespace
}  // namespace puna::plan

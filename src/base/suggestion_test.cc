// The nearest known word, and silence when none is near.

#include "base/suggestion.h"

#include <gtest/gtest.h>

namespace puna {
namespace {

TEST(Suggestion, NamesTheNearestWord) {
  EXPECT_EQ(suggestion("--prot", {"--host", "--port", "--seed"}), "; did you mean --port?");
  EXPECT_EQ(suggestion("sevre", {"chat", "serve"}), "; did you mean serve?");
}

TEST(Suggestion, SaysNothingWhenNoWordIsNear) {
  EXPECT_EQ(suggestion("--quantum", {"--host", "--port"}), "");
  EXPECT_EQ(suggestion("x", {}), "");
}

}  // namespace
}  // namespace puna

// The calibration texts are whole: what a checkpoint's packed file was made with depends on them.

#include "quantise/calibration_text.h"

#include <gtest/gtest.h>

namespace puna {
namespace {

TEST(CalibrationTexts, AreManyDifferentTextsOfSomeLength) {
  size_t bytes = 0;
  for (const std::string_view text : calibration_texts()) {
    EXPECT_GT(text.size(), 400U) << text;
    EXPECT_TRUE(text.ends_with('\n')) << text;
    bytes += text.size();
  }
  EXPECT_GE(calibration_texts().size(), 16U);
  EXPECT_GT(bytes, 12000U);
}

}  // namespace
}  // namespace puna

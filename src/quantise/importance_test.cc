// The mean squares of a layer's inputs, and the lookup by tensor.

#include "quantise/importance.h"

#include <gtest/gtest.h>

namespace puna {
namespace {

TEST(InputSquares, AreTheMeanOfTheSquaresOfEachChannel) {
  InputSquares squares(3);
  EXPECT_EQ(squares.means(), (std::vector<float>{0, 0, 0}));
  squares.add(std::vector<float>{1, -2, 0});
  squares.add(std::vector<float>{3, 4, 0});
  EXPECT_EQ(squares.token_count(), 2);
  EXPECT_EQ(squares.means(), (std::vector<float>{5, 10, 0}));
}

TEST(Importance, OfAnUnknownTensorIsEmpty) {
  Importance importance;
  importance.by_tensor["known"] = {1, 2};
  EXPECT_EQ(importance.of("known").size(), 2U);
  EXPECT_TRUE(importance.of("unknown").empty());
}

}  // namespace
}  // namespace puna

// No part of a stop string is ever shown, however the text is cut.

#include "tokenizer/stop_strings.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace puna {
namespace {

struct Shown {
  std::string text;
  std::optional<std::string> matched;
};

Shown show(const std::vector<std::string>& stops, const std::vector<std::string>& pieces) {
  StopStrings stop(stops);
  Shown shown;
  for (const std::string& piece : pieces) shown.text += stop.push(piece);
  if (!stop.matched()) shown.text += stop.finish();
  shown.matched = stop.matched();
  return shown;
}

TEST(StopStrings, EndTheTextBeforeThem) {
  const Shown shown = show({"END"}, {"some text END more"});
  EXPECT_EQ(shown.text, "some text ");
  EXPECT_EQ(shown.matched, "END");
}

TEST(StopStrings, ATailThatMayBecomeOneIsHeldBack) {
  StopStrings stop({"</s>"});
  EXPECT_EQ(stop.push("a <"), "a ");
  EXPECT_EQ(stop.push("/s"), "");
  EXPECT_EQ(stop.push("x"), "</sx");
  EXPECT_EQ(stop.push("<"), "");
  EXPECT_EQ(stop.finish(), "<");
}

TEST(StopStrings, TheFirstToBeCompleteWinsAndThenTheLongest) {
  EXPECT_EQ(show({"c", "b"}, {"abc"}).matched, "b");
  EXPECT_EQ(show({"bcd", "c"}, {"abcd"}).matched, "c");
  EXPECT_EQ(show({"c", "bc"}, {"abcd"}).matched, "bc");
}

TEST(StopStrings, WithoutAnyEverythingIsShownAtOnce) {
  StopStrings stop({});
  EXPECT_EQ(stop.push("anything"), "anything");
  EXPECT_FALSE(stop.matched());
}

TEST(StopStrings, NothingFollowsAMatch) {
  StopStrings stop({"x"});
  EXPECT_EQ(stop.push("ax"), "a");
  EXPECT_EQ(stop.push("more"), "");
  EXPECT_EQ(stop.finish(), "");
}

std::string before_first_complete(const std::string& text, const std::vector<std::string>& stops) {
  for (size_t end = 1; end <= text.size(); ++end) {
    const std::string begun = text.substr(0, end);
    size_t size = 0;
    for (const std::string& stop : stops) {
      if (begun.ends_with(stop)) size = std::max(size, stop.size());
    }
    if (size > 0) return begun.substr(0, end - size);
  }
  return text;
}

// Every text over a small alphabet, cut at random: the same text is shown as from one piece, and
// that is everything before the first stop string to be complete.
TEST(StopStrings, HowTheTextIsCutNeverMatters) {
  std::mt19937 random(7);
  const auto letters = [&](int count) {
    std::string text;
    for (int i = 0; i < count; ++i) text += static_cast<char>('a' + random() % 2);
    return text;
  };
  for (int round = 0; round < 20000; ++round) {
    const std::string text = letters(20);
    const std::vector<std::string> stops = {letters(3 + static_cast<int>(random() % 4)),
                                            letters(4)};
    std::vector<std::string> pieces;
    for (size_t begin = 0; begin < text.size();) {
      const size_t size = 1 + random() % 4;
      pieces.push_back(text.substr(begin, size));
      begin += size;
    }
    const std::string expected = before_first_complete(text, stops);
    ASSERT_EQ(show(stops, pieces).text, expected) << text << " " << stops[0] << " " << stops[1];
  }
}

}  // namespace
}  // namespace puna

// Tests of UTF-8 decoding; the ill-formed cases and their repairs are those of the Unicode
// standard, 3.9.

#include "base/utf8.h"

#include <gtest/gtest.h>

namespace puna {
namespace {

TEST(Utf8, DecodesEveryLengthOfCharacter) {
  EXPECT_EQ(decode_utf8("a").code_point, 0x61u);
  EXPECT_EQ(decode_utf8("é").code_point, 0xE9u);
  EXPECT_EQ(decode_utf8("日").code_point, 0x65E5u);
  EXPECT_EQ(decode_utf8("😀").code_point, 0x1F600u);
}

TEST(Utf8, RefusesOverlongSurrogatesAndTooLarge) {
  for (const std::string_view bad : {"\xC0\xAF", "\xE0\x80\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80",
                                     "\xFF", "\x80", "\xE6\x97", "a\xF0\x9F\x98"}) {
    EXPECT_FALSE(is_valid_utf8(bad));
  }
  EXPECT_TRUE(is_valid_utf8("日本語 😀 é"));
  EXPECT_TRUE(is_valid_utf8(""));
}

TEST(Utf8, RepairsEachMaximalSubpartOnce) {
  EXPECT_EQ(repair_utf8("a\xF0\x9F\x98z"), "a\uFFFDz");
  EXPECT_EQ(repair_utf8("\xED\xA0\x80"), "\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(repair_utf8("\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41"), "\uFFFD\uFFFD\uFFFD\uFFFD\x41");
  EXPECT_EQ(repair_utf8("fine 日"), "fine 日");
}

TEST(Utf8, AppendIsTheInverseOfDecode) {
  for (const uint32_t code_point : {0x41u, 0x7FFu, 0x800u, 0xFFFDu, 0x10000u, 0x10FFFFu}) {
    std::string text;
    append_utf8(text, code_point);
    EXPECT_EQ(decode_utf8(text).code_point, code_point);
    EXPECT_EQ(decode_utf8(text).length, text.size());
  }
}

TEST(Utf8, KnowsWhatMayStillBecomeACharacter) {
  EXPECT_EQ(incomplete_utf8_suffix("a\xE6\x97"), 2u);
  EXPECT_EQ(incomplete_utf8_suffix("\xF0\x9F\x98"), 3u);
  EXPECT_EQ(incomplete_utf8_suffix("a"), 0u);
  EXPECT_EQ(incomplete_utf8_suffix("日"), 0u);
  EXPECT_EQ(incomplete_utf8_suffix("\xFF"), 0u);
  EXPECT_EQ(incomplete_utf8_suffix("\xED\xA0"), 0u) << "a surrogate can never become valid";
  EXPECT_EQ(incomplete_utf8_suffix(""), 0u);
}

TEST(Utf8, EscapesWhatCouldMoveTheCursor) {
  EXPECT_EQ(escape_for_terminal("a\x1b[31m\n日\xff"), "a\\x1b[31m\\n日\\xff");
  EXPECT_EQ(escape_for_terminal("\xC2\x9B"), "\\xc2\\x9b") << "C1 control sequence introducer";
}

}  // namespace
}  // namespace puna

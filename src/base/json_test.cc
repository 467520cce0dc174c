// Tests of parse_json(): its limits and its errors.

#include "base/json.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace puna {
namespace {

using testing::HasSubstr;

std::string error_of(std::string_view text) { return parse_json(text).status().message(); }

TEST(Json, ReadsADocument) {
  const auto document = parse_json(R"({"a":[1,2.5,"x",null,true]})");
  ASSERT_TRUE(document.ok());
  EXPECT_EQ((*document)["a"][2], "x");
}

TEST(Json, SaysWhereTheTextIsWrong) {
  EXPECT_THAT(error_of("{\"a\":1,}"), HasSubstr("byte 8"));
  EXPECT_THAT(error_of(""), HasSubstr("not valid JSON"));
  EXPECT_THAT(error_of("{} trailing"), HasSubstr("not valid JSON"));
}

TEST(Json, RefusesDuplicateKeys) {
  EXPECT_THAT(error_of(R"({"max_tokens":1,"max_tokens":2})"),
              HasSubstr("duplicate key \"max_tokens\""));
  EXPECT_TRUE(parse_json(R"([{"a":1},{"a":2}])").ok()) << "two objects may share a key";
}

TEST(Json, RefusesDeepNestingBeforeTheStackIsInDanger) {
  EXPECT_TRUE(parse_json(std::string(32, '[') + std::string(32, ']')).ok());
  EXPECT_THAT(error_of(std::string(100000, '[')), HasSubstr("deeper than 32"));
}

TEST(Json, CountsTheValuesOfAllArraysAndObjects) {
  const JsonLimits limits{.values_max = 5};
  EXPECT_TRUE(parse_json(R"({"a":[1,"x"],"b":null})", limits).ok());
  for (const char* sixth : {"1", "-1", "0.5", "true", "null", R"("x")", "[]", "{}"}) {
    const auto parsed =
        parse_json(fmt::format(R"({{"a":[1,"x"],"b":null,"c":{}}})", sixth), limits);
    EXPECT_EQ(parsed.status().message(), "more than 5 values") << sixth;
  }
}

TEST(Json, RefusesInvalidUtf8InsideStrings) {
  EXPECT_FALSE(parse_json("\"\xff\"").ok());
  EXPECT_FALSE(parse_json("\"\\ud800\"").ok());
}

TEST(Json, WritesInvalidUtf8AsReplacementCharacters) {
  EXPECT_EQ(dump_json(Json("a\xff")), "\"a\xEF\xBF\xBD\"");
}

}  // namespace
}  // namespace puna

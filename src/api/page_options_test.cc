// What operators write for the chat page: lists and texts by language, and what is wrong with them.

#include "api/page_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace puna {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string refusal(std::string_view json_text) {
  return parse_page_texts(json_text, "texts.json").status().message();
}

TEST(PageTexts, EachLanguageSaysWhatItWants) {
  const auto texts = parse_page_texts(R"({
    "zh-CN": {"title": "客服助手", "greeting": "您好！", "examples": ["订单在哪里？"]},
    "de": {"greeting": "Guten Tag!"}})",
                                      "texts.json");
  ASSERT_TRUE(texts.ok()) << texts.status().message();
  ASSERT_EQ(texts->size(), 2u);
  const PageTexts& german = texts->at(0);
  const PageTexts& chinese = texts->at(1);
  EXPECT_EQ(german.language, "de");
  EXPECT_EQ(german.greeting, "Guten Tag!");
  EXPECT_TRUE(german.title.empty());
  EXPECT_EQ(chinese.language, "zh-CN");
  EXPECT_EQ(chinese.title, "客服助手");
  EXPECT_THAT(chinese.examples, ElementsAre("订单在哪里？"));
}

TEST(PageTexts, WhatIsWrongIsNamedWithItsLanguage) {
  EXPECT_THAT(refusal("[]"), HasSubstr("texts.json: not a JSON object of languages"));
  EXPECT_THAT(refusal("{"), HasSubstr("texts.json"));
  EXPECT_THAT(refusal(R"({"中文": {}})"), HasSubstr("中文 is not a language tag"));
  EXPECT_THAT(refusal(R"({"e n": {}})"), HasSubstr("e n is not a language tag"));
  EXPECT_THAT(refusal(R"({"en-": {}})"), HasSubstr("en- is not a language tag"));
  EXPECT_THAT(refusal(R"({"en": []})"), HasSubstr("en must be an object"));
  EXPECT_THAT(refusal(R"({"en": {"titel": "x"}})"), HasSubstr("en.titel is not one of title"));
  EXPECT_THAT(refusal(R"({"en": {"title": 3}})"), HasSubstr("en.title"));
  EXPECT_THAT(refusal(R"({"en": {"examples": ["a", 1]}})"), HasSubstr("en.examples"));
}

TEST(Examples, AreAListOfTexts) {
  EXPECT_THAT(parse_examples(R"(["a", "b"])", "x").value(), ElementsAre("a", "b"));
  for (const char* wrong : {"{}", "[1]", "[", "\"a\""}) {
    EXPECT_THAT(parse_examples(wrong, "examples.json").status().message(),
                HasSubstr("examples.json: not a JSON list of texts"));
  }
}

}  // namespace
}  // namespace puna

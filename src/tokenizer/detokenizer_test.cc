// Characters come whole, over the byte tokenizer, which splits all of them.

#include "tokenizer/detokenizer.h"

#include <gtest/gtest.h>

#include "base/utf8.h"
#include "tokenizer/byte_tokenizer.h"

namespace puna {
namespace {

std::vector<std::string> pieces_of(const std::string& text) {
  const auto tokenizer = make_byte_tokenizer();
  Detokenizer detokenizer(*tokenizer, true);
  std::vector<std::string> pieces;
  const auto ids = tokenizer->encode(text, SpecialTokens::kAsText);
  for (const TokenId id : *ids) {
    pieces.push_back(detokenizer.push(id));
  }
  pieces.push_back(detokenizer.finish());
  return pieces;
}

TEST(Detokenizer, NeverSplitsACharacter) {
  EXPECT_EQ(pieces_of("aé"), (std::vector<std::string>{"a", "", "é", ""}));
  EXPECT_EQ(pieces_of("你"), (std::vector<std::string>{"", "", "你", ""}));
  EXPECT_EQ(pieces_of("👋"), (std::vector<std::string>{"", "", "", "👋", ""}));
}

TEST(Detokenizer, WhatNeverBecomesACharacterIsReplaced) {
  EXPECT_EQ(pieces_of("\xf0\x9f"), (std::vector<std::string>{"", "", "\xEF\xBF\xBD"}));
  EXPECT_EQ(pieces_of("\xff!"), (std::vector<std::string>{"\xEF\xBF\xBD", "!", ""}));
  EXPECT_EQ(pieces_of("\xe4\xbd!"), (std::vector<std::string>{"", "", "\xEF\xBF\xBD!", ""}));
}

TEST(Detokenizer, SpecialTokensAreShownWhenAskedForAndEndACharacter) {
  const auto tokenizer = make_byte_tokenizer();
  Detokenizer detokenizer(*tokenizer, true, SpecialText::kShown);
  EXPECT_EQ(detokenizer.push(0xE4), "");
  EXPECT_EQ(detokenizer.push(*tokenizer->eos_id()), "\xEF\xBF\xBD<|im_end|>");
}

TEST(Detokenizer, SpecialTokensAreSilent) {
  const auto tokenizer = make_byte_tokenizer();
  Detokenizer detokenizer(*tokenizer, true);
  EXPECT_EQ(detokenizer.push(*tokenizer->eos_id()), "");
  EXPECT_EQ(detokenizer.push('x'), "x");
}

TEST(Detokenizer, TheSumIsTheRepairedText) {
  const std::string text = "Grüße \xf0\x9f\x91\x8b \xed\xa0\x80 \xc3 ok \xe4\xb8";
  std::string sum;
  for (const std::string& piece : pieces_of(text)) {
    EXPECT_TRUE(is_valid_utf8(piece));
    sum += piece;
  }
  EXPECT_EQ(sum, repair_utf8(text));
}

}  // namespace
}  // namespace puna

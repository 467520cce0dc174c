// Each family's way of closing an answer, with a tokenizer that knows all their marks.

#include "tokenizer/turn_end.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "tokenizer/bpe_tokenizer.h"
#include "tokenizer/bpe_vocabulary.h"

namespace puna {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr TokenId kEnd = 256, kImEnd = 258, kEot = 259, kUser = 260, kUnflagged = 261;

// Every byte is a token; marks follow.
std::unique_ptr<Tokenizer> tokenizer_with_marks() {
  BpeVocabulary vocabulary;
  for (int byte = 0; byte < 256; ++byte) {
    vocabulary.pieces.push_back(byte_level_spelling(static_cast<unsigned char>(byte)));
  }
  for (const char* mark :
       {"</s>", "<|im_start|>", "<|im_end|>", "<|eot_id|>", "<|user|>", "<|end|>"}) {
    AddedToken token;
    token.content = mark;
    token.id = static_cast<TokenId>(vocabulary.pieces.size());
    token.special = token.id != kUnflagged;
    vocabulary.pieces.emplace_back(mark);
    vocabulary.added.push_back(std::move(token));
  }
  vocabulary.pre_tokenizer = named_pre_tokenizer("gpt-2").value().steps;
  vocabulary.spelling.byte_level = true;
  auto tokenizer = make_bpe_tokenizer(std::move(vocabulary), "test");
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.status().message();
  return std::move(tokenizer).value();
}

std::vector<TokenId> ends_of(const std::string& source) {
  const auto parsed = ChatTemplate::parse(source, "t");
  EXPECT_TRUE(parsed.ok()) << parsed.status().message();
  ChatTemplateOptions options;
  options.eos_token = "</s>";
  return turn_end_tokens(*parsed, *tokenizer_with_marks(), options);
}

TEST(TurnEnd, IsTheMarkAfterAnAssistantsMessage) {
  EXPECT_THAT(
      ends_of("{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n"
              "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"),
      ElementsAre(kImEnd));
  EXPECT_THAT(ends_of("{% for m in messages %}[{{ m.role }}]\n\n{{ m.content | trim }}<|eot_id|>"
                      "{% endfor %}"),
              ElementsAre(kEot));
}

TEST(TurnEnd, StandsBehindWhiteSpaceInLlama2) {
  EXPECT_THAT(
      ends_of("{% for m in messages %}{% if m.role == 'user' %}[INST] {{ m.content }} [/INST]"
              "{% else %} {{ m.content }} {{ eos_token }}{% endif %}{% endfor %}"),
      ElementsAre(kEnd));
}

TEST(TurnEnd, MayBeWrittenOnlyWhereAnotherTurnFollows) {
  EXPECT_THAT(ends_of("{% for m in messages %}{{ m.role }}: {{ m.content }}"
                      "{% if not loop.last %}<|im_end|>{% endif %}{% endfor %}"),
              ElementsAre(kImEnd));
}

TEST(TurnEnd, OfATemplateWithoutOneIsTheNextTurnsMark) {
  EXPECT_THAT(ends_of("{% for m in messages %}<|{{ m.role }}|>{{ m.content }}\n{% endfor %}"),
              ElementsAre(kUser));
  EXPECT_THAT(
      ends_of("{% for m in messages %}{% if m.role == 'user' %}<|user|>{% endif %}{{ m.content }}\n"
              "{% endfor %}"),
      ElementsAre(kUser));
}

TEST(TurnEnd, IsKnownByItsFormWhereTheFileHasNotFlaggedIt) {
  EXPECT_THAT(ends_of("{% for m in messages %}{{ m.content }}<|end|>\n{% endfor %}"),
              ElementsAre(kUnflagged));
}

TEST(TurnEnd, IsNoneWhereWordsFollowOrTheTemplateRefuses) {
  EXPECT_THAT(ends_of("{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"),
              IsEmpty());
  EXPECT_THAT(ends_of("{{ raise_exception('no') }}"), IsEmpty());
  EXPECT_THAT(ends_of("answer{{ messages[0].content }}"), IsEmpty());
}

}  // namespace
}  // namespace puna

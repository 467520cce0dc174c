// The shapes that clients read: the token that stands there is among the likeliest, text and
// offsets belong together.

#include "api/openai_logprobs.h"

#include <gtest/gtest.h>

namespace puna {
namespace {

TokenLogprob token(TokenId id, const std::string& piece, double logprob, size_t offset) {
  TokenLogprob one;
  one.token = id;
  one.piece = piece;
  one.logprob = logprob;
  one.text_offset = offset;
  return one;
}

TEST(CompletionLogprobs, TheTokenThatStandsThereIsAmongTheLikeliest) {
  TokenLogprob one = token(7, "x", -3, 0);
  EXPECT_EQ(completion_logprobs({}, {one}, 0, TokenNames::kText)["top_logprobs"][0],
            (OrderedJson{{"x", -3.0}}));
  one.top = {{5, -0.5}};
  one.top_pieces = {"a"};
  EXPECT_EQ(completion_logprobs({}, {one}, 0, TokenNames::kText)["top_logprobs"][0],
            (OrderedJson{{"a", -0.5}, {"x", -3.0}}));
}

TEST(CompletionLogprobs, ATokenOfTheSameNameDoesNotHideIt) {
  TokenLogprob one = token(7, "x", -3, 0);
  one.top = {{5, -0.5}};
  one.top_pieces = {"x"};
  const OrderedJson json = completion_logprobs({}, {one}, 0, TokenNames::kText);
  EXPECT_EQ(json["top_logprobs"][0]["x"], json["token_logprobs"][0]);
}

TEST(CompletionLogprobs, OffsetsOfTheAnswerBeginBehindThePrompt) {
  const OrderedJson json = completion_logprobs({token(1, "ab", -1, 0), token(2, "c", -1, 2)},
                                               {token(3, "d", -1, 0)}, 3, TokenNames::kText);
  EXPECT_EQ(json["text_offset"], (OrderedJson{0, 2, 3}));
}

TEST(Logprobs, TokensAreCalledByIdWhenAskedFor) {
  TokenLogprob one = token(7, "x", -3, 0);
  one.top = {{5, -0.5}};
  one.top_pieces = {"x"};
  const OrderedJson json = completion_logprobs({}, {one}, 0, TokenNames::kIds);
  EXPECT_EQ(json["tokens"][0], "token_id:7");
  EXPECT_EQ(json["top_logprobs"][0], (OrderedJson{{"token_id:5", -0.5}, {"token_id:7", -3.0}}));
  const OrderedJson chat = chat_logprobs({one}, TokenNames::kIds);
  EXPECT_EQ(chat["content"][0]["token"], "token_id:7");
  EXPECT_EQ(chat["content"][0]["top_logprobs"][0]["token"], "token_id:5");
}

TEST(PromptLogprobs, AreMapsByIdWithRanks) {
  TokenLogprob first = token(1, "a", 0, 0);
  first.exists = false;
  TokenLogprob second = token(7, "x", -3, 1);
  second.rank = 40;
  second.top = {{5, -0.5}};
  second.top_pieces = {"y"};
  const OrderedJson json = prompt_logprobs_json({first, second});
  EXPECT_TRUE(json[0].is_null());
  EXPECT_EQ(json[1]["7"], (OrderedJson{{"logprob", -3.0}, {"rank", 40}, {"decoded_token", "x"}}));
  EXPECT_EQ(json[1]["5"]["rank"], 1);
}

}  // namespace
}  // namespace puna

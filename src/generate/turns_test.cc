// What is left of a conversation.

#include "generate/turns.h"

#include <gtest/gtest.h>

#include <string>

namespace puna {
namespace {

// "s" a system message, "u" a user's, "a" an answer; each with its place.
ChatMessages conversation(std::string_view roles) {
  ChatMessages messages;
  for (size_t i = 0; i < roles.size(); ++i) {
    const char* role = roles[i] == 's' ? "system" : roles[i] == 'u' ? "user" : "assistant";
    messages.push_back({role, std::to_string(i)});
  }
  return messages;
}

std::string left(std::string_view roles, size_t count) {
  std::string places;
  for (const ChatMessage& message : without_oldest_turns(conversation(roles), count)) {
    places += message.content;
  }
  return places;
}

TEST(Turns, AreBegunByUsers) {
  EXPECT_EQ(turn_count(conversation("suauau")), 3U);
  EXPECT_EQ(turn_count(conversation("sa")), 0U);
}

TEST(Turns, TheOldestGoWithTheirAnswersAndTheSystemPromptStays) {
  EXPECT_EQ(left("suauau", 0), "012345");
  EXPECT_EQ(left("suauau", 1), "0345");
  EXPECT_EQ(left("suauau", 2), "05");
}

TEST(Turns, AGreetingGoesWithTheFirstAndLaterSystemMessagesStay) {
  EXPECT_EQ(left("saausu", 0), "012345");
  EXPECT_EQ(left("saausu", 1), "045");
}

// Of a model that takes so many messages.
Result<FittedPrompt> fit(std::string_view roles, size_t messages_max) {
  return fit_turns(conversation(roles), [&](const ChatMessages& left, bool) -> Result<TokenIds> {
    if (left.size() > messages_max) return error(StatusCode::kOutOfRange, "too long");
    return TokenIds(left.size(), 7);
  });
}

TEST(Turns, AsFewGoAsMust) {
  const std::string roles = "s" + std::string("uauauauauauauauauaua") + "u";  // 22 messages
  for (size_t messages_max = 2; messages_max <= 22; ++messages_max) {
    SCOPED_TRACE(messages_max);
    const auto fitted = fit(roles, messages_max);
    ASSERT_TRUE(fitted.ok());
    const size_t left = fitted->tokens.size();
    EXPECT_EQ(left, messages_max - messages_max % 2);
    EXPECT_EQ(fitted->dropped_messages, 22 - static_cast<int>(left));
  }
  EXPECT_EQ(fit(roles, 1).status().code(), StatusCode::kOutOfRange);
  EXPECT_EQ(fit("su", 1).status().code(), StatusCode::kOutOfRange);
  EXPECT_EQ(fit("su", 2)->dropped_messages, 0);
}

TEST(Turns, WhatIsWrongOtherwiseIsToldAtOnce) {
  int tries = 0;
  const auto fitted =
      fit_turns(conversation("uauau"), [&](const ChatMessages&, bool) -> Result<TokenIds> {
        ++tries;
        return invalid_argument("the template refuses this");
      });
  EXPECT_EQ(fitted.status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(tries, 1);
}

}  // namespace
}  // namespace puna

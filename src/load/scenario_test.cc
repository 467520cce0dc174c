// What is asked: the shop, files of chats, and how answers become part of the next question.

#include "load/scenario.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "base/json.h"
#include "load/answer_reader.h"
#include "load/chats_file.h"
#include "load/support_shop.h"

namespace puna {
namespace {

using ::testing::HasSubstr;

Json messages(const Conversation& conversation) {
  return parse_json("[" + conversation.question() + "]").value();
}

TEST(SupportShop, ASeedGivesTheSameCustomersWithOneSystemPrompt) {
  const auto shop = make_support_shop(3), again = make_support_shop(3),
             other = make_support_shop(4);
  std::set<std::string> systems;
  std::set<size_t> lengths;
  bool differs = false;
  for (uint64_t i = 0; i < 200; ++i) {
    const auto script = shop->script(i);
    ASSERT_GE(script->turns.size(), 1U);
    lengths.insert(script->turns.size());
    EXPECT_EQ(script->turns[0].messages, again->script(i)->turns[0].messages);
    EXPECT_EQ(script->turns.size(), again->script(i)->turns.size());
    differs = differs || script->turns[0].messages != other->script(i)->turns[0].messages;
    const Json first = messages(Conversation(script));
    ASSERT_EQ(first.size(), 2U);
    EXPECT_EQ(first[1]["role"], "user");
    systems.insert(first[0]["content"].get<std::string>());
  }
  EXPECT_TRUE(differs);
  EXPECT_EQ(systems.size(), 1U);
  EXPECT_EQ(lengths, (std::set<size_t>{1, 2, 3, 4}));
}

TEST(Conversation, TheServersAnswerIsPartOfTheNextQuestion) {
  auto script = std::make_shared<ChatScript>();
  script->turns = {{message_json("user", "one"), std::nullopt}, {message_json("user", "two"), {}}};
  Conversation conversation(script);
  conversation.answered("said \"so\"\n\xff");
  const Json second = messages(conversation);
  ASSERT_EQ(second.size(), 3U);
  EXPECT_EQ(second[1]["role"], "assistant");
  EXPECT_EQ(second[1]["content"], "said \"so\"\n\xEF\xBF\xBD");
  EXPECT_EQ(second[2]["content"], "two");
  conversation.answered("");
  EXPECT_FALSE(conversation.has_question());
}

TEST(ChatsFile, RecordedAnswersStandForTheServersOwn) {
  const auto chats = parse_chats(
      R"([{"role":"system","content":"s"},{"role":"user","content":"a"},{"role":"assistant","content":"b"},)"
      R"({"role":"user","content":"c"}])"
      "\r\n\n"
      R"({"temperature":0,"messages":[{"role":"user","content":"d"},{"role":"user","content":"e"}]})",
      "chats.jsonl");
  ASSERT_TRUE(chats.ok()) << chats.status().message();
  EXPECT_EQ((*chats)->describe(), "chats.jsonl, 2 chats");
  Conversation first((*chats)->script(2));  // after the last comes the first again
  EXPECT_EQ(messages(first).size(), 2U);
  first.answered("the server's");
  EXPECT_EQ(messages(first)[2]["content"], "b");
  EXPECT_EQ(messages(first)[3]["content"], "c");
  Conversation second((*chats)->script(1));
  EXPECT_EQ(second.fields(), "\"temperature\":0");
  EXPECT_EQ(messages(second).size(), 1U);
  second.answered("the server's");
  EXPECT_EQ(messages(second)[1]["content"], "the server's");
}

TEST(ChatsFile, AnErrorSaysWhichLineAndWhatIsWrong) {
  const auto message = [](const std::string& line) {
    const std::string good = R"([{"role":"user","content":"a"}])";
    return parse_chats(good + "\n\n" + line, "f").status().message();
  };
  EXPECT_THAT(message("[{"), HasSubstr("f line 3: "));
  EXPECT_THAT(message("7"), HasSubstr("f line 3: it is no list of messages"));
  EXPECT_THAT(message(R"({"prompt":"a"})"), HasSubstr("no object with \"messages\""));
  EXPECT_THAT(message("[]"), HasSubstr("no message of the user"));
  EXPECT_THAT(message(R"([{"role":"assistant","content":"a"}])"),
              HasSubstr("no message of the user"));
  EXPECT_THAT(message(R"([{"role":"robot","content":"a"}])"),
              HasSubstr("messages[0] is no message"));
  EXPECT_THAT(message(R"([{"role":"user"}])"), HasSubstr("messages[0] has no content"));
  EXPECT_THAT(message(R"({"messages":{}})"), HasSubstr("messages is no list"));
  EXPECT_THAT(message(R"({"stream":false,"messages":[{"role":"user","content":"a"}]})"),
              HasSubstr("\"stream\" is not for a file to say"));
  EXPECT_THAT(parse_chats(" \n", "f").status().message(), HasSubstr("f has no chat"));
}

TEST(AnswerReader, CountsPiecesTokensAndTheEnd) {
  AnswerReader reader;
  EXPECT_EQ(reader.add(": waiting\n\ndata: "
                       "{\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n"),
            0);
  EXPECT_EQ(reader.add(R"(data: {"choices":[{"delta":{"content":"Hel)"), 0);
  EXPECT_EQ(reader.add("lo\"}}]}\r\n\r\ndata:{\"choices\":[{\"delta\":{\"content\":\"!\"}}]}\n"),
            2);
  EXPECT_FALSE(reader.is_whole());
  EXPECT_EQ(reader.output_tokens(), 2);
  reader.add(
      "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
      "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":5,"
      "\"prompt_tokens_details\":{\"cached_tokens\":4}}}\n\ndata: [DONE]\n\n");
  EXPECT_TRUE(reader.is_whole());
  EXPECT_TRUE(reader.has_events());
  EXPECT_EQ(reader.text(), "Hello!");
  EXPECT_EQ(reader.output_tokens(), 5);
  EXPECT_EQ(reader.prompt_tokens(), 9);
  EXPECT_EQ(reader.cached_tokens(), 4);
  EXPECT_EQ(reader.error(), "");
}

TEST(AnswerReader, AnErrorEventIsAnError) {
  AnswerReader reader;
  reader.add("data: {\"error\":{\"message\":\"damaged\"}}\n\n");
  EXPECT_EQ(reader.error(), "damaged");
  EXPECT_EQ(refusal_message(R"({"error":"busy"})"), "busy");
  EXPECT_EQ(refusal_message("<html>"), "");
}

}  // namespace
}  // namespace puna

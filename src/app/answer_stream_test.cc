// Streams of servers, sound and unsound, in whole and in pieces.

#include "app/answer_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace puna {
namespace {

using ::testing::HasSubstr;

constexpr std::string_view kAnswer =
    ": a comment\n\n"
    "data: {\"choices\": [{\"delta\": {\"role\": \"assistant\"}}]}\r\n\r\n"
    "data: {\"choices\": [{\"delta\": {\"content\": \"Guten \"}}]}\n\n"
    "data:{\"choices\": [{\"delta\": {\"content\": \"Tag, Zo\xc3\xab\"}, "
    "\"finish_reason\": \"stop\"}]}\n\n"
    "data: {\"choices\": [], \"usage\": {\"prompt_tokens\": 7, \"completion_tokens\": 3}}\n\n"
    "data: [DONE]\n\n";

struct Heard {
  std::string text;
  bool goes_on = true;
  const ChatModel::OnText on_text = [this](std::string_view more) {
    text += more;
    return goes_on;
  };
};

TEST(AnswerStream, AnAnswerIsTheSameInPiecesOfAnySize) {
  for (size_t piece = 1; piece <= kAnswer.size(); ++piece) {
    Heard heard;
    AnswerStream stream(heard.on_text);
    for (size_t begin = 0; begin < kAnswer.size(); begin += piece) {
      ASSERT_TRUE(stream.add(kAnswer.substr(begin, piece)));
    }
    const auto end = stream.end();
    ASSERT_TRUE(end.ok());
    EXPECT_EQ(heard.text, "Guten Tag, Zo\xc3\xab");
    EXPECT_EQ(end->finish_reason, "stop");
    EXPECT_EQ(end->prompt_tokens, 7);
    EXPECT_EQ(end->completion_tokens, 3);
  }
}

TEST(AnswerStream, APersonMayStopIt) {
  Heard heard;
  AnswerStream stream(heard.on_text);
  heard.goes_on = false;
  EXPECT_FALSE(stream.add(kAnswer));
  EXPECT_EQ(heard.text, "Guten ");
  EXPECT_TRUE(stream.is_stopped());
  EXPECT_EQ(stream.end()->finish_reason, "cancelled");
}

TEST(AnswerStream, OneThatBreaksOffIsNoAnswer) {
  Heard heard;
  AnswerStream stream(heard.on_text);
  stream.add(kAnswer.substr(0, kAnswer.find("data:{")));
  EXPECT_EQ(heard.text, "Guten ");
  EXPECT_THAT(stream.end().status().message(), HasSubstr("broke off"));
}

TEST(AnswerStream, AnErrorInTheMiddleIsTold) {
  for (const char* event : {R"(data: {"error": {"message": "the disk is gone"}})",
                            R"(data: {"error": "the disk is gone"})"}) {
    Heard heard;
    AnswerStream stream(heard.on_text);
    stream.add(event);
    stream.add("\n\n");
    EXPECT_EQ(stream.end().status().message(), "the disk is gone");
  }
}

TEST(AnswerStream, FieldsOfAnotherKindAreNone) {
  Heard heard;
  AnswerStream stream(heard.on_text);
  for (const char* event :
       {"data: [1]", "data: {\"choices\": 3}", "data: {\"choices\": [3]}", "data: {broken",
        R"(data: {"choices": [{"delta": {"content": 3}}]})", R"(data: {"choices": [{"delta": 3}]})",
        R"(data: {"usage": {"prompt_tokens": "x", "completion_tokens": 1e400}})",
        R"(data: {"choices": [{"finish_reason": "stop"}], "error": null})",
        R"(data: {"usage": {"prompt_tokens": 99999999999, "completion_tokens": -3}})"}) {
    EXPECT_TRUE(stream.add(event)) << event;
    EXPECT_TRUE(stream.add("\n")) << event;
  }
  EXPECT_EQ(heard.text, "");
  ASSERT_TRUE(stream.end().ok());
  EXPECT_EQ(stream.end()->prompt_tokens, INT32_MAX);
  EXPECT_EQ(stream.end()->completion_tokens, 0);
}

TEST(AnswerStream, ALineWithoutEndIsRefused) {
  Heard heard;
  AnswerStream stream(heard.on_text);
  const std::string piece(kServerReplyBytesMax / 4 + 1, 'x');
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(stream.add(piece));
  EXPECT_FALSE(stream.add(piece));
  EXPECT_THAT(stream.end().status().message(), HasSubstr("67108864 bytes"));
}

TEST(Refusal, SaysWhatTheServerSays) {
  EXPECT_EQ(refusal(400, R"({"error": {"message": "too long"}})", "u").message(), "too long");
  EXPECT_EQ(refusal(503, "<html>", "http://u").message(), "http://u answers 503");
  EXPECT_EQ(refusal(503, "", "u").code(), StatusCode::kUnavailable);
  EXPECT_EQ(refusal(404, "", "u").code(), StatusCode::kNotFound);
  EXPECT_THAT(refusal(401, R"({"error": {"message": "invalid key"}})", "u").message(),
              HasSubstr("--api-key"));
  EXPECT_TRUE(is_for_good(R"({"error": {"message": "x", "code": "unhealthy"}})"));
  EXPECT_FALSE(is_for_good(R"({"error": {"message": "x", "code": "loading"}})"));
}

}  // namespace
}  // namespace puna

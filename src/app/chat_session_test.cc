// A conversation with a model that answers by script: what is kept, what is shown, what is asked.

#include "app/chat_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "app/chat_text.h"
#include "base/mapped_file.h"

namespace puna {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ScriptedModel final : public ChatModel {
 public:
  std::string describe() const override { return "scripted"; }
  int max_model_len() const override { return 100; }
  Result<ChatAnswerEnd> answer(const std::vector<ChatTurn>& turns, const ChatSettings& settings,
                               const OnText& on_text) override {
    asked.clear();
    for (const ChatTurn& turn : turns) asked.push_back(turn.role + ":" + turn.content);
    last_settings = settings;
    for (const std::string& piece : pieces) {
      if (!on_text(piece)) return ChatAnswerEnd{.finish_reason = "cancelled"};
    }
    if (fails) return error(StatusCode::kInternal, "the model fell over");
    return ChatAnswerEnd{.finish_reason = "stop", .prompt_tokens = 3, .completion_tokens = 2};
  }
  Result<int> count_tokens(const std::vector<ChatTurn>& turns) override {
    return static_cast<int>(turns.size()) * 10;
  }

  std::vector<std::string> pieces = {"Good ", "day."};
  bool fails = false;
  std::vector<std::string> asked;
  ChatSettings last_settings;
};

class ChatSessionTest : public ::testing::Test {
 public:
  ChatScreen screen() {
    return {.answer = [this](std::string_view text) { answers += text; },
            .note = [this](std::string_view text) { notes += text; },
            .error = [this](std::string_view text) { errors += text; },
            .stopped = [this] { return stop; }};
  }

  ScriptedModel model;
  std::string answers, notes, errors;
  bool stop = false;
  ChatSession session{model, screen(), "Be brief.", {}};
};

TEST_F(ChatSessionTest, AQuestionGoesWithAllThatWasSaidBefore) {
  EXPECT_TRUE(session.handle("Hello"));
  EXPECT_TRUE(session.handle("And now?"));
  EXPECT_THAT(model.asked, ElementsAre("system:Be brief.", "user:Hello", "assistant:Good day.",
                                       "user:And now?"));
  EXPECT_EQ(answers, "Good day.\nGood day.\n");
  EXPECT_THAT(notes, HasSubstr("3 + 2 tokens"));
}

TEST_F(ChatSessionTest, AQuestionWithoutAnAnswerIsNoPartOfTheConversationAndCanBeAskedAgain) {
  model.pieces = {};
  model.fails = true;
  session.handle("Hello");
  EXPECT_THAT(session.turns(), IsEmpty());
  EXPECT_THAT(errors, HasSubstr("fell over"));
  session.handle("/edit");
  EXPECT_EQ(session.take_text_to_edit(), "/edit Hello");
  session.handle("/retry");
  EXPECT_THAT(session.turns(), IsEmpty());
  model.pieces = {"Good day."};
  model.fails = false;
  session.handle("/retry");
  EXPECT_THAT(model.asked, ElementsAre("system:Be brief.", "user:Hello"));
  session.handle("/retry");
  EXPECT_THAT(model.asked, ElementsAre("system:Be brief.", "user:Hello"));
  EXPECT_EQ(session.turns().size(), 2U);
}

TEST_F(ChatSessionTest, AStoppedAnswerKeepsWhatCame) {
  stop = true;
  session.handle("Hello");
  ASSERT_EQ(session.turns().size(), 2U);
  EXPECT_EQ(session.turns()[1].content, "Good ");
}

TEST_F(ChatSessionTest, RetryAsksTheLastQuestionAgain) {
  session.handle("Hello");
  model.pieces = {"Better."};
  session.handle("/retry");
  EXPECT_THAT(model.asked, ElementsAre("system:Be brief.", "user:Hello"));
  ASSERT_EQ(session.turns().size(), 2U);
  EXPECT_EQ(session.turns()[1].content, "Better.");
}

TEST_F(ChatSessionTest, ARetryThatFailsLosesNothing) {
  session.handle("Hello");
  model.pieces = {};
  model.fails = true;
  session.handle("/retry");
  session.handle("/edit Hallo");
  ASSERT_EQ(session.turns().size(), 2U);
  EXPECT_EQ(session.turns()[0].content, "Hello");
  EXPECT_EQ(session.turns()[1].content, "Good day.");
  session.handle("And now?");
  EXPECT_THAT(model.asked, ElementsAre("system:Be brief.", "user:Hello", "assistant:Good day.",
                                       "user:And now?"));
}

TEST_F(ChatSessionTest, EditGivesTheLastQuestionToBeChanged) {
  session.handle("Helo\nyou");
  session.handle("/edit");
  EXPECT_EQ(session.take_text_to_edit(), "/edit Helo\nyou");
  EXPECT_EQ(session.take_text_to_edit(), "");
  session.handle("/edit Hello\nyou");
  EXPECT_THAT(model.asked, ElementsAre("system:Be brief.", "user:Hello\nyou"));
}

TEST_F(ChatSessionTest, ASavedConversationGoesOnWhereItWas) {
  const std::string path = testing::TempDir() + "/conversation.json";
  session.handle("Hello");
  session.handle("/save " + path);
  ChatSession other(model, screen(), "", {});
  other.handle("/load " + path);
  other.handle("And now?");
  EXPECT_THAT(model.asked, ElementsAre("system:Be brief.", "user:Hello", "assistant:Good day.",
                                       "user:And now?"));
}

TEST_F(ChatSessionTest, SavingWritesOverConversationsAlone) {
  const std::string path = testing::TempDir() + "/letter.txt";
  std::ofstream(path) << "Dear Sir,";
  session.handle("Hello");
  session.handle("/save " + path);
  EXPECT_THAT(errors, HasSubstr(path));
  EXPECT_EQ(*read_file(path, 100), "Dear Sir,");
  errors.clear();
  session.handle("/save /nowhere/x.json");
  EXPECT_THAT(errors, HasSubstr("/nowhere/x.json: No such file"));
  errors.clear();
  const std::string good = testing::TempDir() + "/twice.json";
  session.handle("/save " + good);
  session.handle("/save " + good);
  EXPECT_EQ(errors, "");
}

TEST_F(ChatSessionTest, ALoadedConversationThatEndsInAQuestionGoesOnWithIt) {
  const std::string path = testing::TempDir() + "/open.json";
  std::ofstream(path) << R"([{"role": "user", "content": "Hello"}])";
  session.handle("/load " + path);
  EXPECT_THAT(session.turns(), IsEmpty());
  session.handle("/retry");
  EXPECT_THAT(model.asked, ElementsAre("user:Hello"));
}

TEST_F(ChatSessionTest, AFileThatIsNoConversationIsNamed) {
  const std::string path = testing::TempDir() + "/wrong.json";
  for (const char* text : {"", "{}", "[1]", R"([{"role": "king", "content": "x"}])"}) {
    errors.clear();
    std::ofstream(path) << text;
    session.handle("/load " + path);
    EXPECT_THAT(errors, HasSubstr(path)) << text;
  }
  errors.clear();
  session.handle("/load /nowhere/x.json");
  EXPECT_THAT(errors, HasSubstr("/nowhere/x.json"));
}

TEST_F(ChatSessionTest, SettingsReachTheModelAndGoBackToItsOwn) {
  session.handle("/set temperature 0.5");
  session.handle("/set max_tokens 7");
  session.handle("Hello");
  EXPECT_EQ(model.last_settings.temperature, 0.5);
  EXPECT_EQ(model.last_settings.max_tokens, 7);
  session.handle("/set temperature");
  session.handle("Hello");
  EXPECT_FALSE(model.last_settings.temperature);
  session.handle("/set temperature 3");
  EXPECT_THAT(errors, HasSubstr("0 to 2"));
  errors.clear();
  session.handle("/set colour red");
  EXPECT_THAT(errors, HasSubstr("temperature, top_p"));
}

TEST_F(ChatSessionTest, TokensSaysWhatIsLeft) {
  session.handle("Hello");
  notes.clear();
  session.handle("/tokens");
  EXPECT_EQ(notes, "30 of 100 tokens; 70 are left\n");
}

TEST_F(ChatSessionTest, OnlyCommandsThatExistAreTaken) {
  EXPECT_TRUE(session.handle("/sytem x"));
  EXPECT_THAT(errors, HasSubstr("/sytem"));
  EXPECT_THAT(model.asked, IsEmpty());
  EXPECT_FALSE(session.handle("/quit"));
}

std::string question_of(const std::vector<std::string>& typed) {
  QuestionLines lines;
  for (size_t i = 0; i < typed.size(); ++i) {
    if (lines.add(typed[i])) return i + 1 == typed.size() ? lines.take() : "too early";
  }
  return "open";
}

TEST(QuestionLines, OneLineIsAQuestion) { EXPECT_EQ(question_of({"Hello"}), "Hello"); }

TEST(QuestionLines, QuotesHoldSeveral) {
  EXPECT_EQ(question_of({"\"\"\"", "a", "", "b", "\"\"\""}), "a\n\nb");
  EXPECT_EQ(question_of({"\"\"\"a", "b\"\"\""}), "a\nb");
  EXPECT_EQ(question_of({"\"\"\"a\"\"\""}), "a");
  EXPECT_EQ(question_of({"\"\"\"", "a"}), "open");
}

TEST(QuestionLines, ABackslashGoesOnInTheNextLine) {
  EXPECT_EQ(question_of({"a\\", "b\\", "c"}), "a\nb\nc");
}

}  // namespace
}  // namespace puna

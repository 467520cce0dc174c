// What is shown of a model's words, and a line that is typed at a terminal of two ends.

#include "terminal/terminal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <unistd.h>

#include "terminal/line_editor.h"
#include "terminal/status_line.h"

namespace puna {
namespace {

TEST(Printable, LinesAndTabsStayAndControlsAreEscaped) {
  EXPECT_EQ(printable("a\tb\n\nZo\xc3\xab\n"), "a\tb\n\nZo\xc3\xab\n");
  EXPECT_THAT(printable("\x1b[2Jgone\r"), ::testing::Not(::testing::ContainsRegex("[\x1b\r]")));
}

TEST(ErrorText, IsOneLineWhateverItTellsOf) {
  EXPECT_EQ(error_text("a\nb").find('\n'), std::string::npos);
}

TEST(StatusLine, ALineIsNoLongerThanTheWindow) {
  EXPECT_EQ(fitting("loading", 0), "loading");
  EXPECT_EQ(fitting("loading", 8), "loading");
  EXPECT_EQ(fitting("loading", 5), "load");
  EXPECT_EQ(fitting("Zo\xc3\xab!", 4), "Zo\xc3\xab");
  EXPECT_EQ(fitting("loading", 1), "");
}

// Typed before the editor reads it: nobody has to wait.
class LineEditorTest : public ::testing::Test {
 public:
  void SetUp() override {
    int terminal = -1;
    ASSERT_EQ(openpty(&person, &terminal, nullptr, nullptr, nullptr), 0);
    input = fdopen(terminal, "r");
    output = fdopen(dup(terminal), "w");
  }
  void TearDown() override {
    std::fclose(input);
    std::fclose(output);
    if (person >= 0) close(person);
  }
  void type(std::string_view keys) const {
    ASSERT_EQ(write(person, keys.data(), keys.size()), static_cast<ssize_t>(keys.size()));
  }

  int person = -1;
  std::FILE* input = nullptr;
  std::FILE* output = nullptr;
};

TEST_F(LineEditorTest, KeysEditTheLine) {
  LineEditor editor(input, output, "");
  std::string line;
  type("wrold\x1b[D\x1b[D\x1b[D\x1b[Do\x1b[C\x1b[3~\n");
  ASSERT_EQ(editor.read("> ", "", line), LineEditor::Read::kText);
  EXPECT_EQ(line, "world");
}

TEST_F(LineEditorTest, PastedTextIsNotSentAndHasNoKeys) {
  LineEditor editor(input, output, "");
  std::string line;
  type("say: \x1b[200~one\rtwo\x01\x1b[D\r\x1b[201~!\n");
  ASSERT_EQ(editor.read("> ", "", line), LineEditor::Read::kText);
  EXPECT_EQ(line, "say: one\ntwo[D!");
}

TEST_F(LineEditorTest, AGivenTextIsChanged) {
  LineEditor editor(input, output, "");
  std::string line;
  type("!\n");
  ASSERT_EQ(editor.read("> ", "first\nsecond", line), LineEditor::Read::kText);
  EXPECT_EQ(line, "first\nsecond!");
}

TEST_F(LineEditorTest, ATerminalThatHasGoneIsTheEnd) {
  LineEditor editor(input, output, "");
  std::string line;
  close(person);
  person = -1;
  EXPECT_EQ(editor.read("> ", "", line), LineEditor::Read::kEnd);
}

}  // namespace
}  // namespace puna

"""puna chat as a person sees it: narrow, resized, closed, stopped and gone on with."""

import json
import os
import pathlib
import signal
import tempfile
import termios
import unittest

from real_terminal import RealTerminal
from terminal_session import BINARY, TerminalSession

FAKE = (BINARY, "chat", "--backend", "fake")
ENDLESS = (*FAKE, "--fake-endless", "--fake-step-microseconds", "20000")


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def last_line(terminal: RealTerminal) -> str:
    return terminal.screen().rstrip("\n").split("\n")[-1].rstrip()


class RealTerminalTest(unittest.TestCase):
    def saved_question(self, terminal: RealTerminal) -> str:
        """The last one of the conversation."""
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "conversation")
            terminal.text(f"/save {path}")
            terminal.keys("Enter")
            terminal.wait_until(path.exists, "nothing is saved")
            terminal.wait_until(lambda: path.read_text().endswith("}\n"), "half is saved")
            questions = [turn["content"] for turn in json.loads(path.read_text())["messages"]
                         if turn["role"] == "user"]
            return questions[-1]

    def test_a_long_question_in_twenty_columns_is_edited_where_it_stands(self) -> None:
        with RealTerminal(*FAKE, "--max-tokens", "3", columns=20, lines=30) as terminal:
            terminal.wait_for_line(">")
            terminal.text("The quick brown fox jumps over the lazy dog twice")
            terminal.wait_until(lambda: "".join(terminal.screen().split("\n")).count("dog twice") == 1, "no question")
            self.assertIn("> The quick brown fo\nx jumps over the laz\ny dog twice", terminal.screen())
            terminal.keys("C-a", "Delete", "Delete", "Delete")
            terminal.text("A")
            terminal.wait_for_line("> A quick brown fox")
            terminal.keys("C-e")
            terminal.text("!")
            terminal.wait_for("twice!")
            terminal.keys("Enter")
            terminal.wait_for("first token")
            self.assertEqual(self.saved_question(terminal), "A quick brown fox jumps over the lazy dog twice!")

    def test_wide_characters_are_erased_whole(self) -> None:
        with RealTerminal(*FAKE, "--max-tokens", "3", columns=20) as terminal:
            terminal.wait_for_line(">")
            terminal.text("你好世界")
            terminal.wait_for_line("> 你好世界")
            terminal.keys("BSpace", "BSpace")
            terminal.text("!")
            terminal.wait_for_line("> 你好!")
            self.assertEqual(terminal.cursor()[0], 7)

    def test_three_pasted_lines_are_one_question_and_look_it(self) -> None:
        with RealTerminal(*FAKE, "--max-tokens", "3") as terminal:
            terminal.wait_for_line(">")
            terminal.paste("first\nsecond\nthird")
            terminal.wait_for_line("third")
            self.assertNotIn("tokens/s", terminal.everything())
            terminal.keys("Enter")
            terminal.wait_for("first token")
            self.assertEqual(self.saved_question(terminal), "first\nsecond\nthird")

    def test_a_paste_of_200_kilobytes_is_one_question(self) -> None:
        with RealTerminal(*FAKE, "--max-tokens", "3", "--max-model-len", "1000000") as terminal:
            terminal.wait_for_line(">")
            text = "\n".join(f"line {i} of a long letter" for i in range(8000))
            terminal.paste(text)
            terminal.wait_for_line("line 7999 of a long letter")
            terminal.keys("Enter")
            terminal.wait_for("first token")
            self.assertEqual(self.saved_question(terminal), text)

    def test_edit_puts_the_last_question_into_the_line(self) -> None:
        with RealTerminal(*FAKE, "--max-tokens", "3") as terminal:
            terminal.wait_for_line(">")
            terminal.paste("first\nsecond")
            terminal.keys("Enter")
            terminal.wait_for("first token")
            terminal.text("/edit")
            terminal.keys("Enter")
            terminal.wait_for_line("> /edit first")
            terminal.text(" thing")
            terminal.wait_for_line("second thing")
            terminal.keys("Enter")
            terminal.wait_until(lambda: terminal.everything().count("first token") == 2, "no second answer")
            self.assertEqual(self.saved_question(terminal), "first\nsecond thing")

    def test_control_j_begins_a_new_line(self) -> None:
        with RealTerminal(*FAKE, "--max-tokens", "3") as terminal:
            terminal.wait_for_line(">")
            terminal.text("first")
            terminal.wait_for_line("> first")
            terminal.keys("C-j")
            terminal.wait_until(lambda: terminal.cursor()[0] == 0, "no new line")
            terminal.text("second")
            terminal.wait_for_line("second")
            terminal.keys("Enter")
            terminal.wait_for("first token")
            self.assertEqual(self.saved_question(terminal), "first\nsecond")

    def test_a_terminal_that_is_resized_while_an_answer_comes(self) -> None:
        with RealTerminal(*ENDLESS, columns=80) as terminal:
            terminal.wait_for_line(">")
            terminal.text("Tell me a story")
            terminal.keys("Enter")
            for columns, lines in ((30, 12), (20, 8), (100, 40)):
                terminal.resize(columns, lines)
                before = terminal.everything()
                terminal.wait_until(lambda: terminal.everything() != before, "the answer has stopped")
            terminal.resize(20, 24)
            terminal.keys("C-c")
            terminal.wait_for("cancelled")
            terminal.wait_until(lambda: last_line(terminal) == ">", "no prompt")
            terminal.text("0123456789012345678901234")  # wraps where the terminal ends now
            terminal.wait_for_line("8901234")
            self.assertTrue(terminal.screen().rstrip().endswith("\n\n> 012345678901234567\n8901234"), terminal.screen())

    def test_a_terminal_that_is_resized_while_a_question_is_typed(self) -> None:
        with RealTerminal(*FAKE, "--max-tokens", "3", columns=80) as terminal:
            terminal.wait_for_line(">")
            terminal.text("A question that is longer than forty columns are wide")
            terminal.wait_for("are wide")
            for columns in (40, 20, 80, 25):
                terminal.resize(columns, 24)
                terminal.text(" now")
                terminal.wait_until(lambda: "wide now" in terminal.screen().replace("\n", ""), "the text is lost")
                terminal.keys(*4 * ["BSpace"])
                terminal.wait_until(lambda: "wide now" not in terminal.screen().replace("\n", ""), "it stays")
            terminal.text(" now")
            terminal.wait_until(lambda: "wide now" in terminal.screen().replace("\n", ""), "the text is lost")
            self.assertEqual(terminal.screen().count("A question"), 1, terminal.everything())
            self.assertIn("commands\n> A question", terminal.everything())
            terminal.keys("Enter")
            terminal.wait_for("first token")
            self.assertEqual(self.saved_question(terminal), "A question that is longer than forty columns are wide now")

    def test_a_terminal_that_is_closed_ends_the_program(self) -> None:
        for answering in (False, True):
            for ignores in ("", "trap '' HUP; "):  # as under nohup
                command = f"{ignores}exec {' '.join(ENDLESS)}"
                with self.subTest(answering=answering, ignores=ignores), RealTerminal("sh", "-c", command) as terminal:
                    terminal.wait_for_line(">")
                    if answering:
                        terminal.text("Tell me a story")
                        terminal.keys("Enter")
                        before = terminal.wait_for("a story")
                        terminal.wait_until(lambda: terminal.everything() != before, "no answer")
                    terminal.close()
                    terminal.wait_until(lambda: not is_alive(terminal.pid), "the program goes on")

    def test_control_z_gives_the_shell_back_and_fg_goes_on(self) -> None:
        with RealTerminal("bash", "--norc", "--noprofile", PS1="shell$ ") as terminal:
            terminal.wait_for_line("shell$")
            terminal.text('"$PUNA" chat --backend fake --max-tokens 3')
            terminal.keys("Enter")
            terminal.wait_until(lambda: last_line(terminal) == ">", "no prompt")
            terminal.text("half a ")
            terminal.wait_for_line("> half a")
            terminal.keys("C-z")
            terminal.wait_until(lambda: last_line(terminal) == "shell$", "no shell")
            terminal.text("echo sh''ell says && fg")
            terminal.keys("Enter")
            terminal.wait_for_line("shell says")
            terminal.wait_until(lambda: last_line(terminal).startswith("> half a"), "the question is lost")
            terminal.text("question")
            terminal.keys("Enter")
            terminal.wait_for("first token")
            self.assertEqual(self.saved_question(terminal), "half a question")

    def test_a_program_that_is_ended_leaves_the_terminal_as_it_was(self) -> None:
        with TerminalSession(*FAKE[1:]) as chat:
            device = os.open(chat.device, os.O_RDWR | os.O_NOCTTY)
            before = termios.tcgetattr(device)
            chat.wait_for_prompt()
            while termios.tcgetattr(device) == before:  # the prompt comes first
                pass
            chat.process.terminate()
            self.assertEqual(chat.exit_code(), -signal.SIGTERM)
            self.assertEqual(termios.tcgetattr(device), before)
            os.close(device)


if __name__ == "__main__":
    unittest.main()

"""puna chat on a pseudo-terminal and in pipes: the fake backend for behaviour, SmolLM2 for a real answer."""

import contextlib
import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

from terminal_session import BINARY, ROOT, TerminalSession

MODEL = str(ROOT / "build/models/SmolLM2-135M-Instruct.Q4_1.gguf")
FAKE = ("chat", "--backend", "fake", "--log-level", "error")


@contextlib.contextmanager
def saved_conversation():
    """A file for /save, and what reads its messages."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "conversation.json")
        yield path, lambda: json.loads(path.read_text())["messages"]


class ChatTest(unittest.TestCase):
    def test_a_real_model_knows_the_capital_of_france(self) -> None:
        with TerminalSession("chat", MODEL, "--temperature", "0", "--weights", "bf16") as chat:
            chat.wait_for("> ")
            chat.type("What is the capital of France?\r")
            self.assertIn("Paris", chat.wait_for("tokens/s"))
            chat.wait_for("> ")
            chat.type("/quit\r")
            self.assertEqual(chat.exit_code(), 0)

    def test_help_lists_the_commands(self) -> None:
        with TerminalSession(*FAKE) as chat:
            chat.wait_for("> ")
            chat.type("/help\r")
            help_text = chat.wait_for("Ctrl-C")
            for command in ("/system", "/reset", "/quit"):
                self.assertIn(command, help_text)

    def test_an_unknown_command_is_not_sent_to_the_model(self) -> None:
        with TerminalSession(*FAKE) as chat:
            chat.wait_for("> ")
            chat.type("/sytem x\r")
            chat.wait_for("there is no command /sytem")

    def test_the_system_prompt_can_be_set_and_shown(self) -> None:
        with TerminalSession(*FAKE) as chat:
            chat.wait_for("> ")
            chat.type("/system Be brief.\r")
            chat.wait_for("a new conversation")
            chat.wait_for("> ")
            chat.type("/system\r")
            chat.wait_for("\nBe brief.")

    def test_control_c_stops_the_answer_and_not_the_program(self) -> None:
        with TerminalSession(*FAKE, "--fake-endless", "--fake-step-microseconds", "50000") as chat:
            chat.wait_for("> ")
            for _ in range(2):  # and the next answer can be stopped too
                chat.type("Tell me a long story.\r")
                chat.wait_for("story.\r\n")
                chat.wait_for_anything()  # the answer has begun
                chat.type("\x03")
                self.assertIn("cancelled", chat.wait_for("> "))
            chat.type("/quit\r")
            self.assertEqual(chat.exit_code(), 0)

    def test_control_c_at_the_prompt_leaves_the_second_time(self) -> None:
        with TerminalSession(*FAKE) as chat:
            chat.wait_for("> ")
            chat.type("half a question\x03")
            chat.wait_for("Ctrl-C again")
            chat.wait_for("> ")
            chat.type("\x03")
            self.assertEqual(chat.exit_code(), 0)

    def test_cursor_keys_edit_the_line_and_history(self) -> None:
        with TerminalSession(*FAKE) as chat:
            chat.wait_for("> ")
            chat.type("/set temprature 0" + "\x1b[D" * 8 + "e\r")  # an e behind "temp"
            chat.wait_for("temperature 0")
            chat.wait_for("> ")
            chat.type("\x1b[A\x7f1\r")  # the line before, its last digit changed
            chat.wait_for("temperature 1")

    def test_text_that_is_pasted_is_one_question_of_several_lines(self) -> None:
        with saved_conversation() as (path, load):
            with TerminalSession(*FAKE, "--max-tokens", "4") as chat:
                chat.wait_for("> ")
                chat.type("\x1b[200~first line\rsecond line\x1b[201~")
                chat.type("\r")
                chat.wait_for(" tokens,")
                chat.wait_for("> ")
                chat.type(f"/save {path}\r")
                chat.wait_for("2 messages saved")
            self.assertEqual(load()[0], {"role": "user", "content": "first line\nsecond line"})

    def test_quotes_hold_a_question_of_several_lines(self) -> None:
        with saved_conversation() as (path, load):
            with TerminalSession(*FAKE, "--max-tokens", "4") as chat:
                chat.wait_for("> ")
                chat.type('"""\r')
                chat.wait_for("... ")
                chat.type("/not a command\r")
                chat.wait_for("... ")
                chat.type('"""\r')
                chat.wait_for("there is no command")
                chat.wait_for("> ")
                chat.type('"""a\r')
                chat.wait_for("... ")
                chat.type('b"""\r')
                chat.wait_for(" tokens,")
                chat.wait_for("> ")
                chat.type(f"/save {path}\r")
                chat.wait_for("messages saved")
            self.assertEqual(load()[0]["content"], "a\nb")

    def test_characters_of_several_bytes_are_one_to_the_keys(self) -> None:
        with saved_conversation() as (path, load):
            with TerminalSession(*FAKE, "--max-tokens", "4") as chat:
                chat.wait_for("> ")
                chat.type("héß\x7fllo\r")
                chat.wait_for(" tokens,")
                chat.wait_for("> ")
                chat.type(f"/save {path}\r")
                chat.wait_for("messages saved")
            self.assertEqual(load()[0]["content"], "héllo")

    def test_history_is_kept_for_the_person_alone(self) -> None:
        with tempfile.TemporaryDirectory() as state:
            for _ in range(2):
                with TerminalSession(*FAKE, XDG_STATE_HOME=state) as chat:
                    chat.wait_for("> ")
                    chat.type("/set top_k 7\r")
                    chat.wait_for("> ")
                    chat.type("/quit\r")
                    self.assertEqual(chat.exit_code(), 0)
            with TerminalSession(*FAKE, XDG_STATE_HOME=state) as chat:
                chat.wait_for("> ")
                chat.type("\x1b[A\x1b[A\r")
                chat.wait_for("top_k       7")
            history = pathlib.Path(state, "puna/chat_history")
            self.assertEqual(history.stat().st_mode & 0o077, 0)

    def test_no_history_is_kept_when_none_is_wanted(self) -> None:
        with tempfile.TemporaryDirectory() as state:
            with TerminalSession(*FAKE, "--no-history", XDG_STATE_HOME=state) as chat:
                chat.wait_for("> ")
                chat.type("/quit\r")
                self.assertEqual(chat.exit_code(), 0)
            self.assertEqual(list(pathlib.Path(state).rglob("*")), [])

    def test_the_log_does_not_write_over_the_prompt(self) -> None:
        with TerminalSession("chat", MODEL, "--weights", "bf16") as chat:
            start = chat.wait_for("> ")
            self.assertRegex(start, r"SmolLM2.*tokens, ready in [\d.]+ s")
            self.assertNotRegex(start, r"\d{4}-\d\d-\d\dT")  # no line of the log

    def test_end_of_input_leaves(self) -> None:
        with TerminalSession(*FAKE) as chat:
            chat.wait_for("> ")
            chat.type("\x04")
            self.assertEqual(chat.exit_code(), 0)



def in_pipe(*arguments: str, question: bytes, **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([BINARY, *arguments], cwd=ROOT, input=question, capture_output=True, timeout=120,
                          env={**os.environ, **environment}, check=False)


class PipeTest(unittest.TestCase):
    """Standard output has the answer, and nothing else."""

    def test_a_question_in_a_pipe_is_answered_with_the_answer_alone(self) -> None:
        done = in_pipe("chat", MODEL, "--temperature", "0", "--weights", "bf16",
                       question=b"What is the capital of France?\n")
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertEqual(done.stdout, b"The capital of France is Paris.\n")

    def test_lines_of_a_pipe_belong_to_the_question_of_the_command_line(self) -> None:
        done = in_pipe("chat", MODEL, "--temperature", "0", "--weights", "bf16",
                       "--prompt", "What is the capital of this country?", question=b"France\n")
        self.assertEqual(done.returncode, 0)
        self.assertIn(b"Paris", done.stdout)

    def test_no_question_is_an_error_of_one_line(self) -> None:
        done = in_pipe(*FAKE, question=b"")
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        self.assertRegex(done.stderr, rb"^error: .*--prompt.*\n$")

    def test_bytes_that_are_no_text_are_refused(self) -> None:
        done = in_pipe(*FAKE, question=b"caf\xe9")
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        self.assertIn(b"UTF-8", done.stderr)

    def test_no_color_holds_for_the_log_too(self) -> None:
        for no_color in ("1", "yes"):
            with TerminalSession("chat", *FAKE[1:], "--log-level", "info", raw=True, NO_COLOR=no_color) as chat:
                text = chat.wait_for("> ")
                self.assertNotRegex(text, r"\x1b\[[0-9;]*m")


class ServerTest(unittest.TestCase):
    """puna chat --url: a server answers."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = subprocess.Popen([BINARY, "serve", "--backend", "fake", "--fake-endless", "--port", "0",
                                       "--api-key", "secret", "--watch-stdin"], cwd=ROOT, text=True,
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        cls.url = re.search(r"http://\S+", cls.server.stdout.readline())[0]
        assert cls.server.stdout.readline() == "ready\n"

    @classmethod
    def tearDownClass(cls) -> None:
        cls.server.stdin.close()
        cls.server.wait(timeout=60)
        cls.server.stdout.close()

    def test_it_answers_and_counts(self) -> None:
        with TerminalSession("chat", "--url", self.url + "/v1/", "--api-key", "secret", "--max-tokens", "5") as chat:
            chat.wait_for("fake at http://")
            chat.wait_for("> ")
            chat.type("Hello\r")
            self.assertIn("+ 5 tokens", chat.wait_for("length"))
            chat.wait_for("> ")
            chat.type("/tokens\r")
            chat.wait_for("are left")

    def test_what_goes_wrong_is_said_in_a_line(self) -> None:
        for url, key, words in ((self.url, "wrong", b"--api-key"), ("http://127.0.0.1:9", "", b"127.0.0.1:9"),
                                (self.url + "/nowhere", "secret", b"404")):
            done = in_pipe("chat", "--url", url, "--api-key", key, question=b"Hello")
            self.assertEqual((done.returncode, done.stdout), (1, b""), done)
            self.assertIn(words, done.stderr)
            self.assertEqual(done.stderr.count(b"\n"), 1, done.stderr)

    def test_an_unknown_model_is_refused_with_those_there_are(self) -> None:
        done = in_pipe("chat", "--url", self.url, "--api-key", "secret", "nosuch", question=b"Hello")
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"it has fake", done.stderr)


if __name__ == "__main__":
    unittest.main()

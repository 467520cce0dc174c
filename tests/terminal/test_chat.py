"""puna chat on a pseudo-terminal and in pipes: the fake backend for behaviour, SmolLM2 for a real answer."""

import contextlib
import json
import pathlib
import subprocess
import tempfile
import unittest

from terminal_session import BINARY, ROOT, TerminalSession, in_pipe

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
            chat.wait_for_prompt()
            chat.type("What is the capital of France?\r")
            self.assertIn("Paris", chat.wait_for("tokens/s"))
            chat.wait_for_prompt()
            chat.type("/quit\r")
            self.assertEqual(chat.exit_code(), 0)

    def test_help_lists_the_commands(self) -> None:
        with TerminalSession(*FAKE) as chat:
            chat.wait_for_prompt()
            chat.type("/help\r")
            help_text = chat.wait_for("Ctrl-C")
            for command in ("/system", "/reset", "/quit"):
                self.assertIn(command, help_text)

    def test_an_unknown_command_is_not_sent_to_the_model(self) -> None:
        with TerminalSession(*FAKE) as chat:
            chat.wait_for_prompt()
            chat.type("/sytem x\r")
            chat.wait_for("there is no command /sytem")

    def test_the_system_prompt_can_be_set_and_shown(self) -> None:
        with TerminalSession(*FAKE) as chat:
            chat.wait_for_prompt()
            chat.type("/system Be brief.\r")
            chat.wait_for("a new conversation")
            chat.wait_for_prompt()
            chat.type("/system\r")
            chat.wait_for("\nBe brief.")

    def test_control_c_stops_the_answer_and_not_the_program(self) -> None:
        with TerminalSession(*FAKE, "--fake-endless", "--fake-step-microseconds", "50000") as chat:
            chat.wait_for_prompt()
            for _ in range(2):  # and the next answer can be stopped too
                chat.type("Tell me a long story.\r")
                chat.wait_for("story.\r\n")
                chat.wait_for_anything()  # the answer has begun
                chat.type("\x03")
                self.assertIn("cancelled", chat.wait_for_prompt())
            chat.type("/quit\r")
            self.assertEqual(chat.exit_code(), 0)

    def test_without_a_home_there_is_no_history_and_no_folder_here(self) -> None:
        with TerminalSession(*FAKE, XDG_STATE_HOME="", HOME="") as chat:
            chat.wait_for_prompt()
            chat.type("/quit\r")
            self.assertEqual(chat.exit_code(), 0)
        self.assertFalse((ROOT / ".local").exists())

    def test_control_c_at_the_prompt_leaves_the_second_time(self) -> None:
        with TerminalSession(*FAKE) as chat:
            chat.wait_for_prompt()
            chat.type("half a question\x03")
            chat.wait_for("Ctrl-C again")
            chat.wait_for_prompt()
            chat.type("\x03")
            self.assertEqual(chat.exit_code(), 0)

    def test_cursor_keys_edit_the_line_and_history(self) -> None:
        with TerminalSession(*FAKE) as chat:
            chat.wait_for_prompt()
            chat.type("/set temprature 0" + "\x1b[D" * 8 + "e\r")  # an e behind "temp"
            chat.wait_for("temperature 0")
            chat.wait_for_prompt()
            chat.type("\x1b[A\x7f1\r")  # the line before, its last digit changed
            chat.wait_for("temperature 1")

    def test_text_that_is_pasted_is_one_question_of_several_lines(self) -> None:
        with saved_conversation() as (path, load):
            with TerminalSession(*FAKE, "--max-tokens", "4") as chat:
                chat.wait_for_prompt()
                chat.type("\x1b[200~first line\rsecond line\x1b[201~")
                chat.type("\r")
                chat.wait_for(" tokens,")
                chat.wait_for_prompt()
                chat.type(f"/save {path}\r")
                chat.wait_for("2 messages saved")
            self.assertEqual(load()[0], {"role": "user", "content": "first line\nsecond line"})

    def test_quotes_hold_a_question_of_several_lines(self) -> None:
        with saved_conversation() as (path, load):
            with TerminalSession(*FAKE, "--max-tokens", "4") as chat:
                chat.wait_for_prompt()
                chat.type('"""\r')
                chat.wait_for("... ")
                chat.type("/not a command\r")
                chat.wait_for("... ")
                chat.type('"""\r')
                chat.wait_for("there is no command")
                chat.wait_for_prompt()
                chat.type('"""a\r')
                chat.wait_for("... ")
                chat.type('b"""\r')
                chat.wait_for(" tokens,")
                chat.wait_for_prompt()
                chat.type(f"/save {path}\r")
                chat.wait_for("messages saved")
            self.assertEqual(load()[0]["content"], "a\nb")

    def test_bytes_that_are_no_character_are_seen_and_do_no_harm(self) -> None:
        with saved_conversation() as (path, load):
            with TerminalSession(*FAKE, "--max-tokens", "4") as chat:
                chat.wait_for_prompt()
                chat.type_bytes(b"caf\xe9 noir \xff\xc3\r")  # Latin-1, no text at all, half a character
                chat.wait_for(" tokens,")
                chat.wait_for_prompt()
                chat.type(f"/save {path}\r")
                chat.wait_for("messages saved")
            self.assertEqual(load()[0]["content"], "caf\N{REPLACEMENT CHARACTER} noir " + 2 * "\N{REPLACEMENT CHARACTER}")

    def test_a_question_that_was_typed_too_early_is_asked(self) -> None:
        with TerminalSession(*FAKE, "--max-tokens", "4") as chat:
            chat.type("Hello\n")  # so comes Enter before the editor has the terminal
            chat.wait_for(" tokens,")

    def test_two_chats_add_to_one_history(self) -> None:
        with tempfile.TemporaryDirectory() as state:
            with TerminalSession(*FAKE, XDG_STATE_HOME=state) as one, \
                    TerminalSession(*FAKE, XDG_STATE_HOME=state) as other:
                for chat, text in ((one, "/set top_k 7\r"), (other, "/set top_k 8\r"), (one, "/set top_k 9\r")):
                    chat.wait_for_prompt()
                    chat.type(text)
                    chat.wait_for("top_k       ")
            with TerminalSession(*FAKE, XDG_STATE_HOME=state) as chat:
                chat.wait_for_prompt()
                chat.type(3 * "\x1b[A" + "\r")
                chat.wait_for("top_k       7")

    def test_characters_of_several_bytes_are_one_to_the_keys(self) -> None:
        with saved_conversation() as (path, load):
            with TerminalSession(*FAKE, "--max-tokens", "4") as chat:
                chat.wait_for_prompt()
                chat.type("héß\x7fllo\r")
                chat.wait_for(" tokens,")
                chat.wait_for_prompt()
                chat.type(f"/save {path}\r")
                chat.wait_for("messages saved")
            self.assertEqual(load()[0]["content"], "héllo")

    def test_history_is_kept_for_the_person_alone(self) -> None:
        with tempfile.TemporaryDirectory() as state:
            for _ in range(2):
                with TerminalSession(*FAKE, XDG_STATE_HOME=state) as chat:
                    chat.wait_for_prompt()
                    chat.type("/set top_k 7\r")
                    chat.wait_for_prompt()
                    chat.type("/quit\r")
                    self.assertEqual(chat.exit_code(), 0)
            with TerminalSession(*FAKE, XDG_STATE_HOME=state) as chat:
                chat.wait_for_prompt()
                chat.type("\x1b[A\x1b[A\r")
                chat.wait_for("top_k       7")
            history = pathlib.Path(state, "puna/chat_history")
            self.assertEqual(history.stat().st_mode & 0o077, 0)

    def test_no_history_is_kept_when_none_is_wanted(self) -> None:
        with tempfile.TemporaryDirectory() as state:
            with TerminalSession(*FAKE, "--no-history", XDG_STATE_HOME=state) as chat:
                chat.wait_for_prompt()
                chat.type("/quit\r")
                self.assertEqual(chat.exit_code(), 0)
            self.assertEqual(list(pathlib.Path(state).rglob("*")), [])

    def test_the_log_does_not_write_over_the_prompt(self) -> None:
        with TerminalSession("chat", MODEL, "--weights", "bf16") as chat:
            start = chat.wait_for_prompt()
            self.assertRegex(start, r"SmolLM2.*tokens, ready in [\d.]+ s")
            self.assertNotRegex(start, r"\d{4}-\d\d-\d\dT")  # no line of the log

    def test_end_of_input_leaves(self) -> None:
        with TerminalSession(*FAKE) as chat:
            chat.wait_for_prompt()
            chat.type("\x04")
            self.assertEqual(chat.exit_code(), 0)


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

    def test_scripts_may_leave_with_quit(self) -> None:
        done = in_pipe("chat", MODEL, "--temperature", "0", "--weights", "bf16",
                       question=b"What is the capital of France?\n/quit\n")
        self.assertEqual(done.stdout, b"The capital of France is Paris.\n")

    def test_no_question_is_an_error_of_one_line(self) -> None:
        done = in_pipe(*FAKE, question=b"")
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        self.assertRegex(done.stderr, rb"^error: .*--prompt.*\n$")

    def test_bytes_that_are_no_text_are_refused(self) -> None:
        done = in_pipe(*FAKE, question=b"caf\xe9")
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        self.assertIn(b"UTF-8", done.stderr)

    def test_a_question_on_the_command_line_is_answered_and_that_is_all(self) -> None:
        question = ("chat", MODEL, "What is the capital of France?", "--temperature", "0", "--weights", "bf16")
        done = in_pipe(*question, question=b"")
        self.assertEqual((done.returncode, done.stdout), (0, b"The capital of France is Paris.\n"))
        with TerminalSession(*question) as chat:
            self.assertEqual(chat.wait_for("Paris.").splitlines(), ["The capital of France is Paris."])
            self.assertEqual(chat.exit_code(), 0)

    def test_one_word_that_can_be_no_model_is_the_question(self) -> None:
        self.assertEqual(in_pipe(*FAKE, "Hello", question=b"").returncode, 0)
        done = in_pipe("chat", "Is nobody there?", "--url", "http://127.0.0.1:9", question=b"")
        self.assertIn(b"127.0.0.1:9", done.stderr)
        done = in_pipe("chat", "/nowhere/model.gguf", question=b"Hello")
        self.assertIn(b"/nowhere/model.gguf", done.stderr)

    def test_an_answer_that_nobody_reads_ends(self) -> None:
        command = f"{BINARY} chat --backend fake --fake-endless --prompt Hello | head -c 1"
        done = subprocess.run(["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, timeout=120, check=False)
        self.assertEqual((done.returncode, len(done.stdout), done.stderr), (1, 1, b""))

    def test_a_full_disk_is_an_error(self) -> None:
        with open("/dev/full", "wb") as full:
            done = subprocess.run([BINARY, *FAKE, "--prompt", "Hello"], stdin=subprocess.DEVNULL, stdout=full,
                                  stderr=subprocess.PIPE, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr, b"error: standard output: No space left on device\n")

    def test_no_color_holds_for_the_log_too(self) -> None:
        for no_color in ("1", "yes"):
            with TerminalSession(*FAKE[:3], "--log-level", "info", raw=True, NO_COLOR=no_color) as chat:
                text = chat.wait_for_prompt()
                self.assertNotRegex(text, r"\x1b\[[0-9;]*m")


if __name__ == "__main__":
    unittest.main()

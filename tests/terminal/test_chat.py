"""puna chat on a pseudo-terminal: the fake backend for behaviour, SmolLM2 for a real answer."""

import unittest

from terminal_session import ROOT, TerminalSession

MODEL = str(ROOT / "build/models/SmolLM2-135M-Instruct.Q4_1.gguf")
FAKE = ("chat", "--backend", "fake", "--log-level", "error")


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
            chat.wait_for("There is no command /sytem x.")

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

    def test_end_of_input_leaves(self) -> None:
        with TerminalSession(*FAKE) as chat:
            chat.wait_for("> ")
            chat.type("\x04")
            self.assertEqual(chat.exit_code(), 0)


if __name__ == "__main__":
    unittest.main()

"""puna chat --url: a server answers, and servers come and go."""

import json
import tempfile
import unittest

from chat_server import MODELS, PunaServer, ScriptedServer, answer, event
from terminal_session import TerminalSession, in_pipe

BUSY = (503, {"Retry-After": "1"}, b'{"error": {"message": "the queue is full", "code": "overloaded"}}')
LOADING = (503, {"Retry-After": "1"}, b'{"error": {"message": "the model is loading", "code": "loading"}}')
LOST = (503, {"Retry-After": "1"}, b'{"error": {"message": "the weights are damaged", "code": "unhealthy"}}')


def ask(server: ScriptedServer, *arguments: str, question: bytes = b"Hello"):
    return in_pipe("chat", "--url", server.url, *arguments, question=question)


class ServerTest(unittest.TestCase):
    """The real server."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = PunaServer("--fake-endless", "--fake-step-microseconds", "20000", "--api-key", "secret")

    @classmethod
    def tearDownClass(cls) -> None:
        cls.server.stop()

    def test_it_answers_and_counts(self) -> None:
        with TerminalSession("chat", "--url", self.server.url + "/v1/", "--api-key", "secret",
                             "--max-tokens", "5") as chat:
            chat.wait_for("fake at http://")
            chat.wait_for_prompt()
            chat.type("Hello\r")
            self.assertIn("+ 5 tokens", chat.wait_for("length"))
            chat.wait_for_prompt()
            chat.type("/tokens\r")
            chat.wait_for("are left")

    def test_control_c_ends_the_answer_at_the_server_too(self) -> None:
        with TerminalSession("chat", "--url", self.server.url, "--api-key", "secret") as chat:
            chat.wait_for_prompt()
            chat.type("Hello\r")
            chat.wait_for("Hello\r\n")
            chat.wait_for_anything()
            chat.type("\x03")
            self.assertIn("cancelled", chat.wait_for_prompt())

    def test_what_goes_wrong_is_said_in_a_line(self) -> None:
        for url, key, words in ((self.server.url, "wrong", b"--api-key"), ("http://127.0.0.1:9", "", b"127.0.0.1:9"),
                                ("http://127.0.0.1:9", "", b"--url"), ("gopher://x", "", b"gopher"),
                                (self.server.url + "/nowhere", "secret", b"/nowhere")):
            done = in_pipe("chat", "--url", url, "--api-key", key, question=b"Hello")
            self.assertEqual((done.returncode, done.stdout), (1, b""), done)
            self.assertIn(words, done.stderr)
            self.assertEqual(done.stderr.count(b"\n"), 1, done.stderr)

    def test_an_unknown_model_is_refused_with_those_there_are(self) -> None:
        done = in_pipe("chat", "--url", self.server.url, "--api-key", "secret", "nosuch", question=b"Hello")
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"it has fake", done.stderr)


class ServerThatChangesTest(unittest.TestCase):
    """In the middle of a conversation."""

    def chat_after_first_answer(self, server: PunaServer, *arguments: str) -> TerminalSession:
        chat = TerminalSession("chat", "--url", server.url, "--max-tokens", "5", *arguments)
        chat.wait_for_prompt()
        chat.type("First\r")
        chat.wait_for("first token")
        chat.wait_for_prompt()
        return chat

    def test_a_question_to_a_server_that_has_gone_is_asked_again_when_it_is_back(self) -> None:
        with PunaServer("--fake-endless") as server, self.chat_after_first_answer(server) as chat:
            server.stop()
            chat.type("Second\r")
            chat.wait_for("error: " + server.url)
            chat.wait_for_prompt()
            with PunaServer("--fake-endless", port=server.port):
                chat.type("/retry\r")
                chat.wait_for("+ 5 tokens")

    def test_an_answer_that_breaks_off_is_kept_and_said_to_be_broken(self) -> None:
        with PunaServer("--fake-endless", "--fake-step-microseconds", "50000") as server:
            with TerminalSession("chat", "--url", server.url) as chat:
                chat.wait_for_prompt()
                chat.type("First\r")
                chat.wait_for("First\r\n")
                chat.wait_for_anything()
                server.kill()
                chat.wait_for("error: ")
                chat.wait_for_prompt()
                with tempfile.TemporaryDirectory() as folder:
                    chat.type(f"/save {folder}/conversation\r")
                    chat.wait_for("2 messages saved")

    def test_another_model_is_named_and_asked_when_the_person_says_so(self) -> None:
        with PunaServer("--served-model-name", "old") as server, self.chat_after_first_answer(server) as chat:
            server.stop()
            with PunaServer("--served-model-name", "new", port=server.port):
                chat.type("Second\r")
                chat.wait_for("has no model old any more; it has new")
                chat.wait_for_prompt()
                chat.type("/retry\r")
                chat.wait_for("first token")

    def test_a_model_that_was_asked_for_by_name_is_not_exchanged(self) -> None:
        with PunaServer("--served-model-name", "old") as server, self.chat_after_first_answer(server, "old") as chat:
            server.stop()
            with PunaServer("--served-model-name", "new", port=server.port):
                for question in ("Second\r", "/retry\r"):
                    chat.type(question)
                    chat.wait_for("has no model old any more; it has new")
                    chat.wait_for_prompt()

    def test_another_key_is_asked_for(self) -> None:
        with PunaServer() as server, self.chat_after_first_answer(server) as chat:
            server.stop()
            with PunaServer("--api-key", "secret", port=server.port):
                chat.type("Second\r")
                chat.wait_for("--api-key")
                chat.wait_for_prompt()

    def test_a_busy_server_is_asked_again_and_the_person_may_stop_waiting(self) -> None:
        arguments = ("--fake-endless", "--fake-step-microseconds", "20000", "--max-num-seqs", "1",
                     "--max-num-queued-reqs", "0")
        with PunaServer(*arguments) as server, TerminalSession("chat", "--url", server.url) as first, \
                TerminalSession("chat", "--url", server.url, "--max-tokens", "3") as second:
            first.wait_for_prompt()
            first.type("Hello\r")
            first.wait_for("Hello\r\n")
            first.wait_for_anything()
            second.wait_for_prompt()
            second.type("Hello\r")
            second.wait_for("asking again in")
            second.type("\x03")
            second.wait_for_prompt()
            second.type("/retry\r")
            second.wait_for("asking again in")
            first.type("\x03")  # makes room
            second.wait_for("+ 3 tokens")


class ScriptedServerTest(unittest.TestCase):
    """What other servers may say."""

    def test_a_server_that_loads_or_is_full_is_waited_for(self) -> None:
        with ScriptedServer(LOADING, MODELS, BUSY, (200, {}, answer("Good day."))) as server:
            done = ask(server)
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"Good day.\n", b""))
            self.assertEqual([path for path, _ in server.asked], ["/v1/models"] * 2 + ["/v1/chat/completions"] * 2)

    def test_waiting_for_one_that_will_not_recover_is_of_no_use(self) -> None:
        with ScriptedServer(MODELS, LOST) as server:
            done = ask(server)
            self.assertEqual((done.returncode, done.stderr), (1, b"error: the weights are damaged\n"))

    def test_the_request_is_openais(self) -> None:
        with ScriptedServer(MODELS, (200, {}, answer("Good day."))) as server:
            ask(server, "--system-prompt", "Be brief.", "--temperature", "0.5", "--seed", "7", "--max-tokens", "9")
            self.assertEqual(json.loads(server.asked[1][1]), {
                "model": "scripted", "stream": True, "stream_options": {"include_usage": True},
                "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}],
                "temperature": 0.5, "seed": 7, "max_tokens": 9})

    def test_a_stream_that_ends_too_early_or_in_an_error_is_no_success(self) -> None:
        begun = event(choices=[{"delta": {"content": "Good"}}])
        for body, words in ((begun, b"broke off"), (begun + event(error={"message": "no memory"}), b"no memory"),
                            (b"", b"broke off"), (b"<html>", b"broke off")):
            with ScriptedServer(MODELS, (200, {}, body)) as server:
                done = ask(server)
                self.assertEqual(done.returncode, 1)
                self.assertIn(words, done.stderr)

    def test_refusals_are_told_in_the_servers_words(self) -> None:
        for status, headers, body, words in (
                (400, {}, b'{\n "error": {\n  "message": "roles must alternate"}}', b"roles must alternate"),
                (500, {}, b"oops", b"answers 500"),
                (301, {"Location": "https://elsewhere.invalid/v1"}, b"", b"https://elsewhere.invalid/v1")):
            with ScriptedServer(MODELS, (status, headers, body)) as server:
                done = ask(server)
                self.assertEqual((done.returncode, done.stdout), (1, b""))
                self.assertIn(words, done.stderr)

    def test_a_server_of_something_else_is_named(self) -> None:
        for reply, words in (((200, {}, b"<html>"), b"OpenAI"), ((200, {}, b"{}"), b"lists no model"),
                             ((404, {}, b""), b"404")):
            with ScriptedServer(reply) as server:
                done = ask(server)
                self.assertEqual((done.returncode, done.stdout), (1, b""))
                self.assertIn(words, done.stderr)

    def test_what_a_server_says_cannot_write_over_the_terminal(self) -> None:
        models = (200, {}, json.dumps({"data": [{"id": "evil\x1b[2Jmodel"}]}).encode())
        reason = event(choices=[{"delta": {"content": "Hi"}, "finish_reason": "\x1b[2Jstop"}])
        with ScriptedServer(models, (200, {}, reason)) as server:
            with TerminalSession("chat", "--url", server.url, raw=True) as chat:
                text = chat.wait_for_prompt()
                chat.type("Hello\r")
                text += chat.wait_for("first token") + chat.wait_for_prompt()
                self.assertNotIn("\x1b[2J", text)


if __name__ == "__main__":
    unittest.main()

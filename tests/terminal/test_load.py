"""puna load against the real server and against one that a test plays. Latencies are bounded from below, by what
the played server did; from above a busy machine could break any bound."""

import http.server
import json
import os
import pathlib
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import unittest
from collections.abc import Callable

from chat_server import PunaServer, answer, event
from terminal_session import BINARY, ROOT, WAIT_SECONDS, TerminalSession, run

# The contract with scripts (docs/load.md).
FIELDS = ["url", "model", "scenario", "load", "seed", "began", "seconds", "interrupted", "sent", "answered", "failed",
          "dropped", "errors", "requests_per_second", "prompt_tokens", "cached_tokens", "output_tokens",
          "output_tokens_per_second", "goodput", "ttft_ms", "inter_token_ms", "tpot_ms", "e2el_ms", "percentile_error",
          "generator", "warnings", "timeline"]
LATENCY_FIELDS = ["count", "mean", "p50", "p90", "p95", "p99", "max"]
USAGE = event(choices=[], usage={"prompt_tokens": 9, "completion_tokens": 1})


class PlayedServer:
    """`play(handler, number)` answers the request of that number, from 0."""

    def __init__(self, play: Callable[["http.server.BaseHTTPRequestHandler", int], None],
                 tls: ssl.SSLContext | None = None) -> None:
        self.bodies: list[dict] = []
        self.keys: list[str] = []
        self.came: list[float] = []
        lock = threading.Lock()

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                pass

            def do_GET(handler) -> None:  # noqa: N805
                reply(handler, 200, json.dumps({"data": [{"id": "played"}, {"id": "other"}]}).encode())

            def do_POST(handler) -> None:  # noqa: N805
                body = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
                with lock:
                    number = len(self.bodies)
                    self.came.append(time.monotonic())
                    self.bodies.append(body)
                    self.keys.append(handler.headers.get("Authorization", ""))
                play(handler, number)

        class Server(http.server.ThreadingHTTPServer):
            request_queue_size = 128

            def handle_error(self, *_: object) -> None:
                pass  # whoever hangs up is part of a play

        self._server = Server(("127.0.0.1", 0), Handler)
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.url = f"{'http' if tls is None else 'https'}://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def __enter__(self) -> "PlayedServer":
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def reply(handler: http.server.BaseHTTPRequestHandler, status: int, body: bytes, **headers: str) -> None:
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)


def refusal(message: str) -> bytes:
    return json.dumps({"error": {"message": message}}).encode()


def hang_up(handler: http.server.BaseHTTPRequestHandler) -> None:
    handler.connection.shutdown(socket.SHUT_RDWR)


def load(*arguments: str, code: int = 0, **environment: str) -> dict:
    """The report of a run as JSON."""
    done = run("load", *arguments, "--json", "-", **environment)
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


class LoadTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.server = PunaServer()
        cls.addClassCleanup(cls.server.stop)

    def assert_adds_up(self, report: dict) -> None:
        self.assertEqual(list(report), FIELDS)
        self.assertEqual(report["sent"], report["answered"] + report["failed"] + report["dropped"])
        self.assertEqual(report["failed"], sum(one["count"] for one in report["errors"].values()))
        windows = report["timeline"]["windows"]
        for name in ("answered", "failed"):
            self.assertEqual(sum(window[name] for window in windows), report[name])
        for name in ("ttft_ms", "inter_token_ms", "tpot_ms", "e2el_ms"):
            self.assertEqual(list(report[name]), LATENCY_FIELDS)
            values = [report[name][field] for field in ("p50", "p90", "p95", "p99", "max")]
            self.assertEqual(values, sorted(values))

    def test_users_of_a_closed_loop_get_what_they_ask_for(self) -> None:
        report = load(self.server.url + "/v1", "--users", "3", "--requests", "20", "--max-tokens", "5", "--extra-body",
                      '{"ignore_eos": true, "temperature": 0}', "--goodput", "ttft:60000", "--goodput", "e2el:0.001")
        self.assert_adds_up(report)
        self.assertEqual((report["model"], report["load"], report["sent"]), ("fake", "3 users", 20))
        self.assertEqual((report["answered"], report["output_tokens"], report["ttft_ms"]["count"]), (20, 100, 20))
        self.assertEqual(sum(window["output_tokens"] for window in report["timeline"]["windows"]), 100)
        # The system prompt is the same for all: only the first ones compute it.
        self.assertGreater(report["cached_tokens"], report["prompt_tokens"] / 2)
        self.assertEqual(report["goodput"]["share"], 0)

    def test_requests_of_an_open_loop_come_at_their_rate(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            page = pathlib.Path(folder) / "report.html"
            done = run("load", self.server.url, "--open-loop", "--ramp", "50:150:1s", "--max-tokens", "4", "--html",
                       str(page), "--json", str(page) + ".json")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("End to end", done.stdout)
            self.assertIn("50 to 150 requests/s (Poisson) in 1 s", done.stdout)
            self.assertIn("fake under load", page.read_text())
            report = json.loads(pathlib.Path(str(page) + ".json").read_text())
        self.assert_adds_up(report)
        self.assertEqual(report["answered"], report["sent"])
        self.assertAlmostEqual(report["sent"], 100, delta=40)  # four standard deviations

    def test_each_way_to_fail_has_its_class(self) -> None:
        plays = [lambda h: reply(h, 200, answer("hi") + USAGE),
                 lambda h: reply(h, 429, refusal("slow down"), Retry_After="1"),
                 lambda h: reply(h, 503, refusal("full")),
                 lambda h: reply(h, 400, refusal("what?")),
                 lambda h: reply(h, 200, event(choices=[{"delta": {"content": "hi"}}])),
                 lambda h: reply(h, 200, answer("hi") + event(error={"message": "damaged"})),
                 lambda h: reply(h, 200, b'{"choices": []}'),
                 hang_up]
        with PlayedServer(lambda handler, number: plays[number](handler)) as server:
            report = load(server.url, "--users", "8", "--requests", "8")
        self.assert_adds_up(report)
        counts = {kind: failure["count"] for kind, failure in report["errors"].items()}
        self.assertEqual(counts, {"400": 1, "429": 1, "503": 1, "cut": 2, "no answer": 1, "stream error": 1})
        self.assertEqual(report["errors"]["429"]["example"], "slow down")
        self.assertEqual((report["answered"], report["output_tokens"]), (1, 1))

    def test_a_request_that_takes_too_long_is_a_timeout(self) -> None:
        over = threading.Event()
        with PlayedServer(lambda handler, _: over.wait(WAIT_SECONDS)) as server:
            report = load(server.url, "--requests", "1", "--timeout", "100ms", code=1)
            over.set()
        self.assertEqual(report["errors"]["timeout"]["count"], 1)

    def test_an_open_loop_goes_on_while_the_server_stalls_and_counts_the_wait(self) -> None:
        all_came = threading.Barrier(20)

        def stall(handler: http.server.BaseHTTPRequestHandler, _: int) -> None:
            all_came.wait(WAIT_SECONDS)
            reply(handler, 200, answer("hi") + USAGE)

        with PlayedServer(stall) as server:
            report = load(server.url, "--rate", "100", "--requests", "20")
        self.assert_adds_up(report)
        self.assertEqual(report["answered"], 20)
        waits = [1000 * (server.came[-1] - came) for came in server.came]
        self.assertGreaterEqual(report["ttft_ms"]["max"], waits[0])
        self.assertGreaterEqual(report["ttft_ms"]["mean"], sum(waits) / 20)
        self.assertGreaterEqual(report["ttft_ms"]["p50"], 0.998 * sorted(waits)[9])

    def test_a_generator_that_is_late_says_so_and_counts_from_when_it_meant_to_send(self) -> None:
        stopped_seconds = 0.3

        def stop(handler: http.server.BaseHTTPRequestHandler, number: int) -> None:
            if number == 4:
                os.kill(process.pid, signal.SIGSTOP)
                time.sleep(stopped_seconds)
                os.kill(process.pid, signal.SIGCONT)
            reply(handler, 200, answer("hi") + USAGE)

        with PlayedServer(stop) as server:
            process = subprocess.Popen([BINARY, "load", server.url, "--rate", "100", "--requests", "40", "--json", "-"],
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            output, errors = process.communicate(timeout=WAIT_SECONDS)
        report = json.loads(output)
        # Of 30 that were due meanwhile the first was near the beginning.
        late = report["generator"]["send_late_ms"]["max"]
        self.assertGreaterEqual(late, 1000 * stopped_seconds / 2)
        self.assertGreaterEqual(report["ttft_ms"]["max"], late)
        self.assertGreaterEqual(report["generator"]["wake_late_ms"]["max"], 1000 * stopped_seconds / 2)
        self.assertIn("late (p99)", errors)

    def test_who_is_refused_comes_back_when_the_server_says(self) -> None:
        def refuse_once(handler: http.server.BaseHTTPRequestHandler, number: int) -> None:
            if number == 0:
                reply(handler, 503, refusal("full"), Retry_After="1")
            else:
                reply(handler, 200, answer("hi") + USAGE)

        with PlayedServer(refuse_once) as server:
            report = load(server.url, "--requests", "2", "--obey-retry-after")
        self.assertEqual((report["answered"], report["errors"]["503"]["count"]), (1, 1))
        self.assertEqual(server.bodies[0], server.bodies[1])
        self.assertGreaterEqual(server.came[1] - server.came[0], 1)

    def test_chats_of_a_file_are_asked_as_they_stand_with_keys_in_turn(self) -> None:
        chats = [[{"role": "user", "content": "one"}, {"role": "assistant", "content": "recorded"},
                  {"role": "user", "content": "two"}],
                 {"messages": [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}], "max_tokens": 7}]
        with tempfile.TemporaryDirectory() as folder, \
                PlayedServer(lambda handler, _: reply(handler, 200, answer("hi") + USAGE)) as server:
            file, keys = pathlib.Path(folder) / "chats.jsonl", pathlib.Path(folder) / "keys"
            file.write_text("".join(json.dumps(chat) + "\n" for chat in chats))
            keys.write_text("# of customers\n\nsecond name=two requests-per-minute=9\n")
            report = load(server.url, "--users", "2", "--requests", "4", "--chats", str(file), "--max-tokens", "3",
                          "--api-key-file", str(keys), PUNA_API_KEY="first")
            file.write_text(file.read_text() + '{"messages": []}\n')
            wrong = run("load", server.url, "--chats", str(file))
        self.assertEqual(report["model"], "played")
        asked = {(body["messages"][0]["content"], len(body["messages"])): (body, key)
                 for body, key in zip(server.bodies, server.keys)}
        self.assertEqual(set(asked), {("one", 1), ("one", 3), ("a", 1), ("a", 3)})
        self.assertEqual(asked["one", 3][0]["messages"], chats[0])
        self.assertEqual(asked["a", 3][0]["messages"][1], {"role": "assistant", "content": "hi"})
        self.assertEqual((asked["one", 1][0]["max_tokens"], asked["a", 1][0]["max_tokens"]), (3, 7))
        self.assertEqual((asked["one", 1][1], asked["a", 1][1]), ("Bearer first", "Bearer second"))
        self.assertEqual((wrong.returncode, wrong.stdout), (1, ""))
        self.assertIn("chats.jsonl line 3: it has no message of the user", wrong.stderr)

    @unittest.skipUnless(shutil.which("openssl"), "makes the certificate")
    def test_a_server_with_a_certificate_of_ones_own_authority_is_heard(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            certificate = pathlib.Path(folder) / "both.pem"
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                            "-keyout", certificate, "-out", certificate.with_name("certificate.pem"), "-days", "2",
                            "-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1"], check=True,
                           capture_output=True)
            with certificate.open("a") as both:
                both.write(certificate.with_name("certificate.pem").read_text())
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(certificate)
            with PlayedServer(lambda handler, _: reply(handler, 200, answer("hi") + USAGE), tls) as server:
                report = load(server.url, "--requests", "2", SSL_CERT_FILE=str(certificate))
                unknown = load(server.url, "--requests", "1", "--model", "played", code=1)
        self.assertEqual((report["model"], report["answered"]), ("played", 2))
        self.assertIn("certificate", unknown["errors"]["connect"]["example"])

    def test_exit_codes_judge(self) -> None:
        unheard = run("load", "http://127.0.0.1:1", "--model", "any", "--requests", "2")
        self.assertEqual(unheard.returncode, 1)
        self.assertIn("error: no request was answered (connect: ", unheard.stderr)
        slow = run("load", self.server.url, "--requests", "2", "--max-tokens", "2", "--goodput", "e2el:0.001",
                   "--fail-under-goodput", "0.5")
        self.assertEqual(slow.returncode, 1)
        self.assertIn("0.0 % of the requests were fast enough", slow.stderr)
        nowhere = run("load", self.server.url, "--html", "/nowhere/report.html")
        self.assertEqual((nowhere.returncode, nowhere.stdout), (1, ""))
        self.assertEqual(run("load", self.server.url, "--users", "2", "--rate", "2").returncode, 2)

    def test_more_users_than_descriptors_are_refused_with_the_limit(self) -> None:
        done = subprocess.run(["/bin/sh", "-c", f'ulimit -n 100; exec "$0" load {self.server.url} --users 60', BINARY],
                              cwd=ROOT, capture_output=True, text=True, timeout=WAIT_SECONDS, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("60 users need 124 descriptors, and this process may have 100", done.stderr)

    def test_a_person_sees_how_it_goes_and_ctrl_c_ends_it_with_the_report(self) -> None:
        server = PunaServer()
        with TerminalSession("load", server.url, "--duration", "600s", "--max-tokens", "4") as session:
            session.wait_for("in flight")
            session.wait_for("ttft p50")
            server.kill()
            session.wait_for("failed  0.00 tokens/s")
            session.type("\x03")
            table = session.wait_for("End to end")
            self.assertRegex(table, r"Failed +\d+\s+(connect|cut) ")
            self.assertEqual(session.exit_code(), 0)


if __name__ == "__main__":
    unittest.main()

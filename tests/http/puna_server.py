"""A real `puna serve` on a free loopback port, for tests; ends with the test that started it."""

import json
import os
import pathlib
import queue
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable

import httpx
from prometheus_client.parser import text_string_to_metric_families

from api_shapes import check_reply

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BINARY = str(ROOT / os.environ.get("PUNA_BINARY", "build/release/bin/puna"))
# Sanitizers make everything slower; waits get longer, and expectations stay.
PATIENCE = 10.0 if os.environ.get("PUNA_SLOW") == "1" else 1.0
# For what an idle machine does in a moment and a busy one some time. What must not end by itself meanwhile is an
# endless answer: 4000 tokens of steps of 20 ms take 80 s.
SOON = 30.0
ENDLESS_TOKENS, ENDLESS_STEP_MICROSECONDS = 4000, 20_000
# One for all clients: httpx would read the system's certificates again for each, which takes longer than most requests.
NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def wait_until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds * PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds * PATIENCE} s: {what}"
        time.sleep(0.005)


class PunaServer:
    """`step_microseconds` is how long a step of the fake model takes; `before` runs in the child."""

    def __init__(self, *flags: str, step_microseconds: int = 0, wait_ready: bool = True,
                 variables: dict[str, str] | None = None, backend: str = "fake",
                 before: Callable[[], None] | None = None) -> None:
        command = [BINARY, "serve", "--backend", backend, "--port", "0", "--watch-stdin",
                   "--fake-step-microseconds", str(step_microseconds), *flags]
        environment = {name: value for name, value in os.environ.items()
                       if not name.startswith("PUNA_")} | (variables or {})
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, env=environment,
                                        preexec_fn=before)
        self.errors: list[str] = []
        self._lines: queue.Queue[str] = queue.Queue()
        self._api: str | None = None
        self._readers = [threading.Thread(target=self._read_output, daemon=True),
                         threading.Thread(target=self._read_errors, daemon=True)]
        for reader in self._readers:
            reader.start()
        first = self.line()
        assert first.startswith("listening on http://"), f"{first!r} {self.errors}"
        self.url = first.removeprefix("listening on ")
        self.port = int(self.url.rpartition(":")[2])
        if wait_ready:
            assert self.line() == "ready", self.errors

    def _read_output(self) -> None:
        for line in self.process.stdout:
            self._lines.put(line.rstrip("\n"))
        self._lines.put("")

    def _read_errors(self) -> None:
        for line in self.process.stderr:
            self.errors.append(line.rstrip("\n"))

    def line(self, seconds: float = 60) -> str:
        """The next line of standard output."""
        return self._lines.get(timeout=seconds * PATIENCE)

    def request(self, method: str, path: str, **options) -> httpx.Response:
        """The reply, whose shape is one that /openapi.json describes."""
        reply = self._send(method, path, **options)
        if self._api is None:
            described = self._send("GET", "/openapi.json")
            self._api = described.text if described.status_code == 200 else None
        if self._api is not None:
            check_reply(self._api, method, path, reply)
        return reply

    def _send(self, method: str, path: str, **options) -> httpx.Response:
        local = self.url.replace("//0.0.0.0:", "//127.0.0.1:")
        return httpx.request(method, local + path, timeout=60 * PATIENCE, trust_env=False,
                             verify=NO_CERTIFICATES, **options)

    def get(self, path: str, **options) -> httpx.Response:
        return self.request("GET", path, **options)

    def post(self, path: str, body: object, **options) -> httpx.Response:
        return self.request("POST", path, json=body, **options)

    def metric(self, name: str, **labels: str) -> float:
        """The value of one sample of /metrics, read by Prometheus' own parser."""
        text = self.get("/metrics").text
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name == name and labels.items() <= sample.labels.items():
                    return sample.value
        raise AssertionError(f"no {name} {labels} in /metrics")

    def memory(self, field: str = "VmRSS") -> int:
        """Bytes, as /proc has them."""
        with open(f"/proc/{self.process.pid}/status") as status:
            return next(int(line.split()[1]) << 10 for line in status if line.startswith(field))

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=60 * PATIENCE)

    def send_chat(self, **fields: object) -> socket.socket:
        """A chat request on a connection of its own, nothing read yet."""
        body = json.dumps({"messages": [{"role": "user", "content": "hi"}], "ignore_eos": True,
                           **fields}).encode()
        connection = self.connect()
        connection.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n"
                           b"Content-Type: application/json\r\n"
                           b"Content-Length: %d\r\n\r\n" % len(body) + body)
        return connection

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def wait(self, seconds: float = 60) -> int:
        return self.process.wait(timeout=seconds * PATIENCE)

    def close(self) -> int:
        """Ends the server as a parent that goes away would: by closing its standard input."""
        self.process.stdin.close()
        try:
            return self.wait()
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        finally:
            for reader in self._readers:
                reader.join(timeout=5)

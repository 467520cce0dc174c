"""A server with nothing to do leaves the processor alone, before and after it has answered, once its
weights lie where they stay."""

import json
import os
import pathlib
import subprocess
import time
import unittest
import urllib.request

from terminal_session import BINARY, ROOT

MODEL = str(ROOT / "build/models/SmolLM2-135M-Instruct.Q4_1.gguf")
MEASURED_SECONDS = 2.0
# Mapped weights move into large pages when the processor has nothing else to do: on a busy machine, late.
WINDOWS_MAX = 150
SHARE_MAX = 0.01
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def processor_seconds(pid: int) -> float:
    """User and system time of all threads of a process."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND


class IdleServerTest(unittest.TestCase):
    def setUp(self) -> None:
        self.server = subprocess.Popen(
            [BINARY, "serve", MODEL, "--port", "0", "--watch-stdin", "--log-level", "error"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.url = self.server.stdout.readline().removeprefix("listening on ").strip()
        self.assertEqual(self.server.stdout.readline(), "ready\n")

    def tearDown(self) -> None:
        self.server.stdin.close()  # --watch-stdin: the server ends
        self.assertEqual(self.server.wait(timeout=30), 0)
        self.server.stdout.close()

    def assert_idle(self) -> None:
        shares = []
        while len(shares) < WINDOWS_MAX:
            before = processor_seconds(self.server.pid)
            time.sleep(MEASURED_SECONDS)
            shares.append((processor_seconds(self.server.pid) - before) / MEASURED_SECONDS)
            if shares[-1] < SHARE_MAX:
                return
        self.fail(f"never idle: {shares}")

    def test_an_idle_server_uses_less_than_a_hundredth_of_a_core(self) -> None:
        self.assert_idle()
        before = processor_seconds(self.server.pid)
        body = json.dumps({"prompt": "The sea is", "max_tokens": 20, "temperature": 0}).encode()
        request = urllib.request.Request(self.url + "/v1/completions", body,
                                         {"Content-Type": "application/json"})
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=60) as answer:
            self.assertEqual(json.load(answer)["usage"]["completion_tokens"], 20)
        self.assertGreater(processor_seconds(self.server.pid) - before, 0.02)  # work is seen
        self.assert_idle()


if __name__ == "__main__":
    unittest.main()

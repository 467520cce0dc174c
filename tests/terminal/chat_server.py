"""Servers that puna chat --url asks: the real one with the fake backend, and one that answers by script."""

import http.server
import json
import re
import subprocess
import threading

from terminal_session import BINARY, ROOT, WAIT_SECONDS


class PunaServer:
    """Ends with the test, or with stop()."""

    def __init__(self, *arguments: str, port: int = 0) -> None:
        self.process = subprocess.Popen(
            [BINARY, "serve", "--backend", "fake", "--port", str(port), "--shutdown-timeout", "0", "--watch-stdin",
             *arguments], cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.url = re.search(r"http://\S+", self.process.stdout.readline())[0]
        self.port = int(self.url.rsplit(":", 1)[1])
        assert self.process.stdout.readline() == "ready\n"

    def __enter__(self) -> "PunaServer":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        if not self.process.stdin.closed:
            self.process.stdin.close()
        self.process.wait(timeout=WAIT_SECONDS)
        self.process.stdout.close()

    def kill(self) -> None:
        self.process.kill()
        self.stop()


def event(**fields: object) -> bytes:
    return b"data: " + json.dumps(fields).encode() + b"\n\n"


def answer(text: str) -> bytes:
    """A whole stream."""
    return event(choices=[{"delta": {"content": text}, "finish_reason": "stop"}]) + b"data: [DONE]\n\n"


MODELS = (200, {}, json.dumps({"data": [{"id": "scripted", "max_model_len": 100}]}).encode())


class ScriptedServer:
    """Gives its replies, (status, headers, body), in their order; the requests are in `asked`."""

    def __init__(self, *replies: tuple[int, dict[str, str], bytes]) -> None:
        self.asked: list[tuple[str, bytes]] = []
        left = list(replies)

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                pass

            def do_GET(handler) -> None:  # noqa: N805
                body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
                self.asked.append((handler.path, body))
                status, headers, text = left.pop(0)
                handler.send_response(status)
                for name, value in headers.items():
                    handler.send_header(name, value)
                handler.end_headers()
                handler.wfile.write(text)

            do_POST = do_GET

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def __enter__(self) -> "ScriptedServer":
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

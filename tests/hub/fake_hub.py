"""FakeHub: a Hugging Face hub on loopback that holds one small model and misbehaves when told to."""

import collections
import hashlib
import http.server
import json
import random
import re
import threading

COMMIT = "c0ffee" * 6 + "cafe"
LARGE_BYTES = 3_000_000


def git_hash(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


class FakeHub:
    """`faults` maps a file name (or "api") to what goes wrong with it; each is told in the tests."""

    def __init__(self) -> None:
        noise = random.Random(7)
        self.files = {
            "config.json": b'{"model_type": "llama"}\n',
            "tokenizer.json": b"{}\n" * 1000,
            "model.safetensors": noise.randbytes(LARGE_BYTES),
            "pytorch_model.bin": b"pickle",
            "README.md": b"# a model\n",
        }
        self.large = {"model.safetensors"}
        self.stated_sizes: dict[str, int] = {}  # instead of the true ones
        self.gated: bool | str = False
        self.license = "apache-2.0"
        self.faults: dict[str, str] = {}
        self.requests: list[tuple[str, str | None, str | None]] = []  # path, Range, Authorization
        self.times = collections.Counter()
        handler = type("Handler", (Handler,), {"hub": self})
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def listing(self) -> dict:
        siblings = []
        for name, content in self.files.items():
            size = self.stated_sizes.get(name, len(content))
            sibling = {"rfilename": name, "size": size, "blobId": git_hash(content)}
            if name in self.large:
                sibling["lfs"] = {"sha256": hashlib.sha256(content).hexdigest(), "size": size}
            siblings.append(sibling)
        return {"id": "owner/model", "sha": COMMIT, "gated": self.gated,
                "cardData": {"license": self.license}, "siblings": siblings}

    def downloads(self, name: str) -> list[str | None]:
        """The Range headers of the requests for a file."""
        return [asked for path, asked, _ in self.requests if path.endswith("/" + name)]


class Handler(http.server.BaseHTTPRequestHandler):
    hub: FakeHub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        hub = self.hub
        path = self.path.partition("?")[0]
        hub.requests.append((path, self.headers["Range"], self.headers["Authorization"]))
        if re.fullmatch(r"/api/models/[\w.-]+/[\w.-]+/revision/[\w.%-]+", path):
            self._answer_api(path)
        elif match := re.fullmatch(rf"/[\w.-]+/[\w.-]+/resolve/{COMMIT}/(.+)", path):
            self._answer_file(match[1])
        elif path.startswith("/elsewhere/"):
            self._send(200, hub.files[path.removeprefix("/elsewhere/")])
        else:
            self._send(404, b"", **{"X-Error-Code": "EntryNotFound"})

    def _answer_api(self, path: str) -> None:
        fault = self.hub.faults.get("api", "")
        self.hub.times["api"] += 1
        if fault == "gated":
            self._send(403, b"", **{"X-Error-Code": "GatedRepo"})
        elif fault == "private":
            self._send(401, b"", **{"X-Error-Code": "RepoNotFound"})
        elif fault == "404" or not path.endswith("/main"):
            self._send(404, b"", **{"X-Error-Code": "RevisionNotFound"})
        elif fault == "429 for ever" or (fault == "429 once" and self.hub.times["api"] == 1):
            self._send(429, b"", **{"Retry-After": "0"})
        else:
            self._send(200, json.dumps(self.hub.listing()).encode())

    def _answer_file(self, name: str) -> None:
        hub = self.hub
        content = hub.files[name]
        fault = hub.faults.get(name, "")
        hub.times[name] += 1
        first = hub.times[name] == 1
        asked = self.headers["Range"]
        begin = int(re.fullmatch(r"bytes=(\d+)-", asked)[1]) if asked else 0
        if fault == "redirect":
            self._send(302, b"", Location=f"http://localhost:{self.server.server_address[1]}/elsewhere/{name}")
        elif fault == "wrong hash":
            self._send(200, content[:-1] + bytes([content[-1] ^ 1]))
        elif fault.startswith("cut") and first:
            self._send_half(content)
        elif fault == "cut, then Range is ignored" or not asked:
            self._send(200, content)
        else:
            self._send(206, content[begin:],
                       **{"Content-Range": f"bytes {begin}-{len(content) - 1}/{len(content)}"})

    def _send(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _send_half(self, content: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Retry-After", "0")
        self.end_headers()
        self.wfile.write(content[:len(content) // 2])
        self.wfile.flush()
        self.close_connection = True
        self.connection.shutdown(2)

"""A world, and install and cleanup run in it as their shell scripts would."""

import contextlib
import hashlib
import http.server
import sys
import threading

import pytest
from hcl_files import ROOT

sys.path.insert(0, str(ROOT / "python"))

from puna.ground import parts  # noqa: E402
from puna.ground.cleanup import Cleanup  # noqa: E402
from puna.ground.install import Install  # noqa: E402
from puna.ground.options import parser  # noqa: E402
from world import World, make_place  # noqa: E402


@pytest.fixture
def world(tmp_path, monkeypatch):
    monkeypatch.setattr("puna.ground.preflight.shutil.which", lambda name, path=None: f"/bin/{name}")
    monkeypatch.setattr("puna.ground.parts.one_file", lambda commands, part, path: f"made up: {path}".encode())
    lock = parts.read_lock(make_place(tmp_path / "lock", ROOT))
    for one in lock.values():
        one["files"] = {path: hashlib.sha256(f"made up: {path}".encode()).hexdigest() for path in one["files"]}
    monkeypatch.setattr("puna.ground.parts.read_lock", lambda place: lock)
    made = World(make_place(tmp_path / "checkout", ROOT))
    with serving(lambda path, headers: (200, '["a llama"]')) as port:
        made.port = port
        yield made


@contextlib.contextmanager
def serving(answer):
    """A server whose answers are (status, text) by path and headers; its port."""
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            status, text = answer(self.path, self.headers)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server.server_port
        server.shutdown()


def run(world: World, command: str, *arguments: str) -> None:
    options = parser().parse_args([command, "--terraform", str(world.place.terraform), *arguments])
    world.dry_run = options.dry_run
    with world.place.locked():
        (Install if command == "install" else Cleanup)(world, world.place, options).run()


@pytest.fixture
def install(world):
    return lambda *arguments: run(world, "install", "--yes", "--overlay=llama2-13b-inf2", *arguments)


@pytest.fixture
def cleanup(world):
    return lambda *arguments: run(world, "cleanup", "--yes", "--wait=0.2", *arguments)


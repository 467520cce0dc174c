"""One server as a child: started, told apart when it fails, and never left behind."""

import asyncio
import os
import pathlib
import signal
import stat
import subprocess
import sys

import pytest

from puna.child_server import ChildFailed, ChildServer
from running_cluster import BINARY, ROOT, command_of, wait_until


def script(folder: pathlib.Path, text: str) -> str:
    path = folder / "puna"
    path.write_text("#!/bin/bash\n" + text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def start(binary: str, *arguments: str, ready_timeout_s: float = 60.0) -> ChildServer:
    """Starts and stops it; raises what start() raises."""
    child = ChildServer(binary, arguments, 2)

    async def run() -> None:
        await child.start(ready_timeout_s)
        assert await child.is_ready()
        await child.stop()

    asyncio.run(run())
    return child


def test_it_is_ready_on_a_port_of_its_own_and_ends_when_asked():
    child = start(BINARY, "--backend", "fake", "--log-level", "error")
    assert child.port > 0 and child.has_ended


@pytest.mark.parametrize(("text", "words"), [
    ("echo 'info: x' >&2; echo 'error: no such model' >&2; exit 1",
     "ended with exit code 1 before it listened: error: no such model"),
    ("kill -SEGV $$", "was ended by SIGSEGV before it listened"),
    ("exit 0", "it wrote nothing"),
    ("while [ $1 != --port-fd ]; do shift; done; eval \"echo 1 >&$2\"; echo 'error: too late' >&2; exit 3",
     "ended with exit code 3 before it was ready: error: too late"),
])
def test_a_failed_start_is_told_in_the_servers_own_words(tmp_path, text, words):
    with pytest.raises(ChildFailed) as failure:
        start(script(tmp_path, text))
    assert words in str(failure.value)


def test_a_child_that_hangs_while_starting_is_ended(tmp_path):
    with pytest.raises(ChildFailed, match=r"not ready within 3 s \(ready_timeout_s\): loading"):
        start(script(tmp_path, "echo loading >&2; exec sleep 1000"), ready_timeout_s=3)


def test_a_file_that_cannot_run_is_named(tmp_path):
    path = tmp_path / "puna"
    path.write_text("no program")
    path.chmod(0o755)
    with pytest.raises(ChildFailed, match="cannot start"):
        start(str(path))


def test_a_server_that_cannot_compute_any_more_is_told_from_one_that_is_busy(tmp_path):
    """One that says so at /health; /ready is 503 in both cases."""
    for status, body, reason in ((503, '{"error": {"message": "the weights are damaged"}}', "the weights are damaged"),
                                 (503, "[]", "/health is 503"), (200, '{"status": "ok"}', "")):
        server = tmp_path / "server.py"
        server.write_text(
            "import http.server, os, sys\n"
            "class Handler(http.server.BaseHTTPRequestHandler):\n"
            "    asked = 0\n"
            "    def do_GET(self):\n"
            "        Handler.asked += 1\n"
            f"        status, body = (200, '') if Handler.asked == 1 else ({status}, {body!r})\n"
            "        self.send_response(503 if self.path == '/ready' and Handler.asked > 1 else status)\n"
            "        self.send_header('Content-Type', 'application/json')\n"
            "        self.send_header('Content-Length', str(len(body)))\n"
            "        self.end_headers()\n"
            "        self.wfile.write(body.encode())\n"
            "server = http.server.HTTPServer(('127.0.0.1', 0), Handler)\n"
            "with os.fdopen(int(sys.argv[sys.argv.index('--port-fd') + 1]), 'w') as port:\n"
            "    print(server.server_port, file=port)\n"
            "server.serve_forever()\n")
        child = ChildServer(script(tmp_path, f'exec {sys.executable} {server} "$@"'), [], 1)

        async def run(child: ChildServer = child) -> str:
            await child.start(60)
            try:
                assert not await child.is_ready()
                return await child.lost_reason()
            finally:
                await child.kill()

        assert asyncio.run(run()) == reason


def test_no_server_outlives_a_parent_that_is_killed():
    program = ("import asyncio, sys\nfrom puna.child_server import ChildServer\n"
               "async def run():\n"
               f"    child = ChildServer({BINARY!r}, ['--backend', 'fake'], 2)\n"
               "    await child.start(60)\n"
               "    print(child.pid, flush=True)\n"
               "    await asyncio.sleep(1000)\n"
               "asyncio.run(run())\n")
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True,
                              env={**os.environ, "PYTHONPATH": str(ROOT / "python")})
    assert parent.stdout is not None
    try:
        server = int(next(line for line in parent.stdout if line.strip().isdigit()))
        assert "puna" in command_of(server)
    finally:
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        parent.stdout.close()
    wait_until(lambda: not command_of(server), 30, "the server has ended")

"""One `puna serve` as a child process: started, awaited, watched and stopped.

The child chooses a free loopback port and writes it to a pipe, so there is no race for ports. Its
standard input is a pipe that only this process holds: when this process dies, in whatever way, the
child sees the end of it and ends too.
"""

import asyncio
import collections
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Sequence

import aiohttp

LAST_LINES_MAX = 12
LINE_BYTES_MAX = 1 << 16
READY_POLL_S = 0.05
# SIGTERM lets running answers end within --shutdown-timeout; then this, then SIGKILL.
KILL_AFTER_S = 5.0

log = logging.getLogger("ray.serve")


class ChildFailed(RuntimeError):
    """The server did not start, or has ended; says what it wrote last."""


class ChildServer:
    def __init__(self, binary: str, arguments: Sequence[str], shutdown_timeout_s: float) -> None:
        self._command = [binary, "serve", *arguments, "--host", "127.0.0.1", "--port", "0",
                         "--watch-stdin", "--shutdown-timeout", str(int(shutdown_timeout_s))]
        self._shutdown_timeout_s = shutdown_timeout_s
        self._process: asyncio.subprocess.Process | None = None
        self._errors: asyncio.Task[None] | None = None
        self._last_lines: collections.deque[str] = collections.deque(maxlen=LAST_LINES_MAX)
        self.session: aiohttp.ClientSession | None = None
        self.port = 0

    @property
    def pid(self) -> int:
        return self._process.pid if self._process else 0

    async def start(self, ready_timeout_s: float) -> None:
        """Returns when the child answers; raises ChildFailed and leaves no process behind."""
        try:
            async with asyncio.timeout(ready_timeout_s):
                self.port = await self._spawn()
                self.session = open_session()
                while not await self.is_ready():
                    if self._process is not None and self._process.returncode is not None:
                        raise ChildFailed(await self.last_words("before it was ready"))
                    await asyncio.sleep(READY_POLL_S)
        except TimeoutError:
            words = "; ".join(self._last_lines) or "it wrote nothing"
            await self.kill()
            raise ChildFailed(f"puna serve was not ready within {ready_timeout_s:g} s "
                              f"(ready_timeout_s): {words}") from None
        except BaseException:
            await self.kill()
            raise

    async def _spawn(self) -> int:
        reading, writing = os.pipe()
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self._command, "--port-fd", str(writing), stdin=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE, pass_fds=(writing,), start_new_session=True,
                limit=LINE_BYTES_MAX)
        except OSError as failure:
            os.close(reading)
            raise ChildFailed(f"cannot start {self._command[0]}: {failure.strerror}") from None
        finally:
            os.close(writing)
        self._errors = asyncio.create_task(self._read_errors(self._process))
        pipe = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(pipe), os.fdopen(reading, "rb"))
        try:
            text = await pipe.readline()
        finally:
            transport.close()
        if not text.strip().isdigit():
            raise ChildFailed(await self.last_words("before it listened"))
        return int(text)

    async def _read_errors(self, process: asyncio.subprocess.Process) -> None:
        """Keeps the last lines for messages and passes all on to this process's own log."""
        assert process.stderr is not None
        while True:
            try:
                line = await process.stderr.readline()
            except ValueError:  # longer than LINE_BYTES_MAX; its pieces are dropped
                continue
            if not line:
                return
            text = line.decode("utf-8", "replace").rstrip()
            self._last_lines.append(text)
            print(text, file=sys.stderr, flush=True)

    async def is_ready(self) -> bool:
        if self.session is None:
            return False
        try:
            async with self.session.get(f"http://127.0.0.1:{self.port}/ready",
                                        timeout=aiohttp.ClientTimeout(total=2)) as reply:
                return reply.status == 200
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False

    async def lost_reason(self) -> str:
        """Why the server will never compute again, as it says itself; "" while it may."""
        if self.session is None:
            return ""
        try:
            async with self.session.get(f"http://127.0.0.1:{self.port}/health",
                                        timeout=aiohttp.ClientTimeout(total=2)) as reply:
                if reply.status != 503:
                    return ""
                body = await reply.json()
                return str(body["error"]["message"])
        except (aiohttp.ClientError, TimeoutError, OSError):
            return ""
        except (ValueError, KeyError, TypeError):
            return "/health is 503"

    @property
    def has_ended(self) -> bool:
        return self._process is None or self._process.returncode is not None

    async def wait(self) -> None:
        assert self._process is not None
        await self._process.wait()

    async def last_words(self, when: str) -> str:
        """Why the child ended, as it said itself."""
        assert self._process is not None
        code = await self._process.wait()
        if self._errors is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(self._errors), 1)
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        # "error: …" is how the server says what is wrong; without it, its last lines must do.
        errors = [line for line in self._last_lines if line.startswith("error:")]
        words = "; ".join(errors or list(self._last_lines)[-3:]) or "it wrote nothing"
        return f"puna serve {how} {when}: {words}"

    async def stop(self) -> None:
        """Lets running answers end, then ends the child for certain."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), self._shutdown_timeout_s + KILL_AFTER_S)
        await self.kill()

    async def kill(self) -> None:
        if self._process is not None:
            if self._process.returncode is None:
                self._process.kill()
            await self._process.wait()
        if self.session is not None:
            await self.session.close()
            self.session = None


def open_session() -> aiohttp.ClientSession:
    """A client that adds nothing of its own: no cookies, no decompression, no headers, no timeouts."""
    return aiohttp.ClientSession(
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=15),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=5),
        read_bufsize=1 << 16,
        trust_env=False)

"""Runs other programs: what they say goes to a log, how far they are to the person, signals to them, once.

A child has a session of its own: Ctrl-C reaches only this program, which hands it on as one SIGINT and waits.
Terraform keeps its state on the first, and loses it on a second.
"""

import collections
import contextlib
import dataclasses
import os
import pathlib
import selectors
import shlex
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from types import FrameType
from typing import IO

from .causes import failure

TAIL_LINES = 80
BEAT_S = 30.0


class GroundError(Exception):
    """What went wrong, and what to do about it."""

    def __init__(self, words: str, advice: str = "") -> None:
        super().__init__(words)
        self.advice = advice


class Interrupted(Exception):
    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


@dataclasses.dataclass(frozen=True)
class Done:
    code: int
    output: str  # of ask() all, of run() the last lines
    timed_out: bool = False
    errors: str = ""  # of ask(); run() has them among its output

    def must(self, what: str) -> "Done":
        """Itself when it went well."""
        if self.code != 0 or self.timed_out:
            raise GroundError(*failure(what, self.output or self.errors, self.code, self.timed_out))
        return self


class Commands:
    """`say` prints a line for the person; in a dry run nothing is run that changes anything."""

    def __init__(self, logs: pathlib.Path, environment: Mapping[str, str], say: Callable[[str], None],
                 dry_run: bool = False, beat_s: float = BEAT_S) -> None:
        self.logs, self.environment, self.say, self.dry_run, self.beat_s = logs, dict(environment), say, dry_run, beat_s
        self._child: subprocess.Popen[bytes] | None = None
        self._signal = 0

    def watch_signals(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        first, self._signal = not self._signal, self._signal or number
        if self._child is None:
            raise Interrupted(number)
        if first:
            self.say(f"{signal.Signals(number).name}: told {pathlib.Path(str(self._args()[0])).name} to stop; it keeps "
                     "what it has made, wait for it")
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._child.pid, signal.SIGINT)
        else:
            self.say("still waiting: ending it now would lose its state")

    def _args(self) -> list[str]:
        assert self._child is not None
        return list(map(str, self._child.args)) if isinstance(self._child.args, list) else [str(self._child.args)]

    def check(self) -> None:
        """Ends here when a signal came meanwhile."""
        if self._signal:
            raise Interrupted(self._signal)

    def pause(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.check()
            time.sleep(min(left, 0.2))

    def log_of(self, stage: str) -> pathlib.Path:
        return self.logs / f"{stage}.log"

    def run(self, stage: str, *command: str, stdin: str = "", limit_s: float = 0) -> Done:
        """Something that changes the world, with its log; after `limit_s` it is told to stop."""
        self.check()
        shown = shlex.join(command)
        if self.dry_run:
            self.say(f"    would run: {shown}")
            return Done(0, "")
        self.logs.mkdir(parents=True, exist_ok=True)
        with contextlib.ExitStack() as stack:
            try:
                log = stack.enter_context(self.log_of(stage).open("ab", buffering=0))
                log.write(f"\n# {time.strftime('%Y-%m-%d %H:%M:%S')} {shown}\n".encode())
            except OSError as error:
                raise GroundError(f"the log {self.log_of(stage)} cannot be written: {error.strerror}",
                                  "make room on this disk, then run it again") from error
            child = stack.enter_context(self._start(command, stdin, subprocess.STDOUT, watched=True))
            lines: collections.deque[str] = collections.deque(maxlen=TAIL_LINES)
            timed_out = self._pump(child, log.fileno(), lines, limit_s)
            code = child.wait()
            self._child = None
        self.check()
        return Done(code, "\n".join(lines), timed_out)

    def ask(self, *command: str, stdin: str = "", limit_s: float = 60) -> Done:
        """Something that only looks; several threads may ask at once. A signal ends it."""
        self.check()
        child = self._start(command, stdin, subprocess.PIPE)
        timed_out = False
        try:
            output, errors = child.communicate(timeout=limit_s)
        except subprocess.TimeoutExpired:
            timed_out = True
            child.kill()
            output, errors = child.communicate()
        except BaseException:
            child.kill()
            child.wait()
            raise
        self.check()
        return Done(child.returncode, output.decode(errors="replace").strip(), timed_out,
                    errors.decode(errors="replace").strip())

    @contextlib.contextmanager
    def beside(self, *command: str) -> Iterator[IO[bytes]]:
        """Something that serves as long as the block lasts; what it prints."""
        self.check()
        child = self._start(command, "", subprocess.STDOUT)
        assert child.stdout is not None
        try:
            yield child.stdout
        finally:
            child.terminate()
            try:
                child.wait(5)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
            child.stdout.close()

    def _start(self, command: tuple[str, ...], stdin: str, errors: int,
               watched: bool = False) -> subprocess.Popen[bytes]:
        """What is watched is told of signals, and waited for."""
        try:
            with tempfile.TemporaryFile() as given:
                given.write(stdin.encode())
                given.seek(0)
                child = subprocess.Popen(list(command), stdin=given, stdout=subprocess.PIPE, stderr=errors,
                                         env=self.environment, start_new_session=True)
                if watched:
                    self._child = child
        except OSError as error:
            raise GroundError(f"{command[0]} cannot be started: {error.strerror}") from error
        return child

    def _pump(self, child: subprocess.Popen[bytes], log: int, lines: "collections.deque[str]", limit_s: float) -> bool:
        assert child.stdout is not None
        began = beat = time.monotonic()
        timed_out, rest = False, b""
        with selectors.DefaultSelector() as selector:
            selector.register(child.stdout, selectors.EVENT_READ)
            while True:
                ready = selector.select(min(self.beat_s, 1.0))
                if ready:
                    data = os.read(child.stdout.fileno(), 1 << 16)
                    if not data:
                        break
                    # A full disk must not end what is just making things.
                    with contextlib.suppress(OSError):
                        os.write(log, data)
                    *whole, rest = (rest + data).split(b"\n")
                    lines.extend(one.decode(errors="replace").rstrip() for one in whole if one.strip())
                now = time.monotonic()
                if now - beat >= self.beat_s:
                    beat = now
                    self.say(f"    {words_of(now - began)}: {lines[-1].strip()[:100] if lines else '…'}")
                if limit_s and now - began > limit_s and not timed_out:
                    timed_out = True
                    self.say(f"    not done in {words_of(limit_s)}: told it to stop")
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(child.pid, signal.SIGINT)
        if rest.strip():
            lines.append(rest.decode(errors="replace"))
        return timed_out


def words_of(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"

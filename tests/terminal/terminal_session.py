"""TerminalSession: the real binary on a pseudo-terminal, typed at and read like a person would."""

import codecs
import os
import pathlib
import pty
import re
import select
import signal
import subprocess
import tempfile
import termios
import time
from collections.abc import Callable

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BINARY = os.environ.get("PUNA_BINARY", str(ROOT / "build/release/bin/puna"))
WAIT_SECONDS = 120.0  # for what comes in a moment on an idle machine
# Colours and other control sequences say nothing about the words.
CONTROL_SEQUENCE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs a command that ends by itself."""
    return subprocess.run([BINARY, *arguments], cwd=ROOT, capture_output=True, text=True,
                          timeout=WAIT_SECONDS, stdin=subprocess.DEVNULL, check=False,
                          env={**os.environ, **environment})


def in_pipe(*arguments: str, question: bytes, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """The same with something on standard input, and bytes as they are."""
    return subprocess.run([BINARY, *arguments], cwd=ROOT, input=question, capture_output=True, timeout=WAIT_SECONDS,
                          env={**os.environ, **environment}, check=False)


class TerminalSession:
    """Ends the program by pid when left, whatever happened."""

    def __init__(self, *arguments: str, raw: bool = False, **environment: str) -> None:
        """`raw`: control sequences stay in what is read."""
        self._master, slave = pty.openpty()
        self.device = os.ttyname(slave)
        self._raw = raw
        self._folder = tempfile.TemporaryDirectory()
        self.process = subprocess.Popen([BINARY, *arguments], cwd=ROOT, stdin=slave, stdout=slave,
                                        stderr=slave, start_new_session=True, preexec_fn=self._own_terminal,
                                        env={**os.environ, "TERM": "xterm", "XDG_STATE_HOME": self._folder.name,
                                             **environment})
        os.close(slave)
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._text = ""

    @staticmethod
    def _own_terminal() -> None:
        import fcntl
        import termios
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # so that Ctrl-C reaches it as SIGINT

    def __enter__(self) -> "TerminalSession":
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.close(self._master)
        self._folder.cleanup()

    def type(self, text: str) -> None:
        self.type_bytes(text.encode())

    def type_bytes(self, text: bytes) -> None:
        while text:  # a terminal takes some at a time
            text = text[os.write(self._master, text):]

    def wait_for(self, words: str) -> str:
        """Reads until `words` appear; returns everything since the last wait, without colours."""
        self._read_until(lambda: words in self._text, lambda: f"no {words!r} in {self._text!r}")
        end = self._text.index(words) + len(words)
        seen, self._text = self._text[:end], self._text[end:]
        return seen

    def wait_for_prompt(self) -> str:
        """The same until the line editor reads keys: what is typed before, the terminal itself would echo."""
        seen = self.wait_for("> ")
        self._read_until(lambda: not termios.tcgetattr(self._master)[3] & termios.ICANON,
                         lambda: "the prompt stands, and keys are not read")
        return seen

    def wait_for_anything(self) -> None:
        """Reads until something that is seen has come since the last wait."""
        self._read_until(lambda: bool(re.sub(r"\x1b[^A-Za-z]*$", "", self._text).strip()),
                         lambda: "nothing was printed")

    def _read_until(self, done: Callable[[], bool], failure: Callable[[], str]) -> None:
        deadline = time.monotonic() + WAIT_SECONDS
        while not done():
            if time.monotonic() > deadline:
                raise AssertionError(failure())
            if select.select([self._master], [], [], 0.1)[0]:
                self._read_some()

    def exit_code(self) -> int:
        return self.process.wait(timeout=WAIT_SECONDS)

    def _read_some(self) -> None:
        try:
            read = os.read(self._master, 65536)
        except OSError as error:  # Linux: EIO when the other side has gone
            raise AssertionError(f"the program ended after {self._text!r}") from error
        self._text += self._decoder.decode(read)
        if not self._raw:
            self._text = CONTROL_SEQUENCE.sub("", self._text)

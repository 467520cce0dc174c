"""RealTerminal: a command in tmux, a terminal with lines and columns; what a person sees is read from its screen."""

import os
import pathlib
import subprocess
import tempfile
import termios
import time

from terminal_session import BINARY, ROOT, WAIT_SECONDS

LOOK_AGAIN_SECONDS = 0.03


class RealTerminal:
    """A tmux server of its own, ended when left."""

    def __init__(self, *command: str, columns: int = 80, lines: int = 24, **environment: str) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._socket = str(pathlib.Path(self._folder.name, "tmux"))
        variables = {"PUNA": BINARY, "XDG_STATE_HOME": self._folder.name, "LC_ALL": "C.UTF-8", **environment}
        settings = [word for name, value in variables.items() for word in ("-e", f"{name}={value}")]
        self._tmux("-f", "/dev/null", "set-option", "-g", "remain-on-exit", "on", ";",
                   "set-option", "-g", "default-shell", "/bin/bash", ";",
                   "new-session", "-d", "-x", str(columns), "-y", str(lines), "-c", str(ROOT), *settings, *command)
        pid, device = self._tmux("display-message", "-p", "#{pane_pid} #{pane_tty}").split()
        self.pid = int(pid)
        self._device = os.open(device, os.O_RDWR | os.O_NOCTTY)

    def __enter__(self) -> "RealTerminal":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        os.close(self._device)
        self._folder.cleanup()

    def _tmux(self, *arguments: str, text: str | None = None) -> str:
        done = subprocess.run(["tmux", "-u", "-S", self._socket, *arguments], capture_output=True, text=True,
                              input=text, check=True, env={**os.environ, "LC_ALL": "C.UTF-8"})
        return done.stdout

    def close(self) -> None:
        subprocess.run(["tmux", "-S", self._socket, "kill-server"], capture_output=True, check=False)

    def keys(self, *keys: str) -> None:
        """Names of keys as tmux has them, or text."""
        self._tmux("send-keys", *keys)

    def text(self, text: str) -> None:
        self._tmux("send-keys", "-l", text)

    def paste(self, text: str) -> None:
        """With brackets where the program has asked for them."""
        self._tmux("load-buffer", "-", text=text)
        self._tmux("paste-buffer", "-p")

    def resize(self, columns: int, lines: int) -> None:
        """Returns when the program has been told."""
        self._tmux("resize-window", "-x", str(columns), "-y", str(lines))
        self.wait_until(lambda: termios.tcgetwinsize(self._device) == (lines, columns), "the size is as it was")

    def screen(self) -> str:
        return self._tmux("capture-pane", "-p")

    def everything(self) -> str:
        """Also what has left the screen; lines that were wrapped are one."""
        return self._tmux("capture-pane", "-p", "-J", "-S", "-")

    def cursor(self) -> tuple[int, int]:
        column, line = self._tmux("display-message", "-p", "#{cursor_x} #{cursor_y}").split()
        return int(column), int(line)

    def wait_until(self, what, why: str) -> None:
        deadline = time.monotonic() + WAIT_SECONDS
        while not what():
            if time.monotonic() > deadline:
                raise AssertionError(f"{why}:\n{self.everything()}")
            time.sleep(LOOK_AGAIN_SECONDS)

    def wait_for(self, words: str) -> str:
        """Until the screen shows it."""
        self.wait_until(lambda: words in self.everything(), f"no {words!r} on the screen")
        return self.everything()

    def wait_for_line(self, line: str) -> None:
        """Until a whole line of the screen is this."""
        self.wait_until(lambda: line in [one.rstrip() for one in self.screen().split("\n")], f"no line {line!r}")

#!/usr/bin/env python3
"""Runs the commands of docs/tutorial.md and compares what they print.

    tests/tutorial/tutorial.py CHAPTER     laptop or ray; kubernetes is run by the Kubernetes lab

A comment before each block of commands says who runs it: a chapter, or what it needs that tests do not
have. "until: WORD" leaves a command running once its output has the word, to the end of the chapter; "at
the end" is for what undoes the rest. A block `text` after the commands is what they print: its lines are
found in this order, and … stands for anything.
"""

import dataclasses
import pathlib
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs/tutorial.md"
CHAPTERS = ("laptop", "ray", "kubernetes")
NEEDS = ("AWS", "docker", "kubelets", "the internet")
BLOCK = re.compile(r"(?:^<!-- (?P<mark>[^\n]*) -->\n)?^```sh\n(?P<commands>.*?)^```\n(?:\n```text\n(?P<shown>.*?)^```\n)?",
                   re.DOTALL | re.MULTILINE)
START_S, COMMAND_S = 1200, 1200


class TutorialError(AssertionError):
    """A command that failed or printed something else than the page shows."""


@dataclasses.dataclass(frozen=True)
class Block:
    mark: str
    commands: str
    shown: str
    line: int

    @property
    def chapter(self) -> str:
        return re.split(r"[, ]", self.mark)[0]

    @property
    def until(self) -> str:
        return self.mark.partition("until: ")[2]

    @property
    def is_at_the_end(self) -> bool:
        return self.mark.endswith("at the end")

    def check(self, printed: str) -> None:
        wanted = [re.escape(one).replace("…", ".*") for one in self.shown.splitlines()]
        if not re.search(r".*\n(?:.*\n)*?".join(wanted), printed + "\n"):
            raise TutorialError(f"docs/tutorial.md:{self.line}: it shows\n{self.shown}but printed was\n{printed}")


def blocks(chapter: str = "") -> list[Block]:
    text = PAGE.read_text()
    found = [Block(one["mark"] or "", one["commands"], one["shown"] or "", text.count("\n", 0, one.start()) + 1)
             for one in BLOCK.finditer(text)]
    return [one for one in found if not chapter or one.chapter == chapter]


class Background:
    """A command that goes on while others are run; ends as by Ctrl-C."""

    def __init__(self, block: Block) -> None:
        self.process = subprocess.Popen(["bash", "-c", "exec " + block.commands], cwd=ROOT, text=True,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, start_new_session=True)
        self.printed: list[str] = []
        threading.Thread(target=self._read, daemon=True).start()
        end = time.monotonic() + START_S
        while not any(block.until in one for one in self.printed):
            if self.process.poll() is not None or time.monotonic() > end:
                self.close()
                raise TutorialError(f"docs/tutorial.md:{block.line}: no {block.until!r}: {''.join(self.printed)}")
            time.sleep(0.1)

    def _read(self) -> None:
        assert self.process.stdout is not None
        self.printed.extend(self.process.stdout)

    def close(self) -> None:
        """make and all that it started get the signal, as from a terminal."""
        if self.process.poll() is None:
            subprocess.run(["pkill", "-INT", "--session", str(self.process.pid)], check=False)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGKILL)
            raise


def run_here(commands: str) -> str:
    """What the commands print; the first one that fails ends them."""
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", commands], cwd=ROOT, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=COMMAND_S)
    if done.returncode != 0:
        raise TutorialError(f"exit {done.returncode}: {commands}{done.stdout}{done.stderr}")
    return done.stdout


def run_blocks(chosen: list[Block], run: Callable[[str], str] = run_here) -> None:
    running: list[Background] = []
    try:
        for block in chosen:
            print(f"docs/tutorial.md:{block.line}\n{block.commands}", end="", flush=True)
            if block.until:
                running.append(Background(block))
            else:
                printed = run(block.commands)
                print(printed, flush=True)
                block.check(printed)
    finally:
        for one in reversed(running):
            one.close()


def main() -> int:
    if len(sys.argv) != 2 or sys.argv[1] not in ("laptop", "ray"):
        print(__doc__, file=sys.stderr)
        return 2
    run_blocks(blocks(sys.argv[1]))
    return 0


if __name__ == "__main__":
    sys.exit(main())

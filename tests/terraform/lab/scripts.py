"""install.sh and cleanup.sh of a checkout, run in a lab, and stopped in the middle."""

import os
import pathlib
import signal
import subprocess
from collections.abc import Mapping
from typing import Any

from control_plane import children, wait_until


def script(lab: Any, checkout: pathlib.Path, name: str, *arguments: str, code: int | None = 0) -> str:
    """What it says; `code` None is any end."""
    done = lab.run(str(checkout / f"deploy/terraform/{name}.sh"), "--yes", *arguments, check=False, timeout_s=400)
    assert code is None or done.returncode == code, done.stdout + done.stderr
    return str(done.stdout + done.stderr)


def start(lab: Any, checkout: pathlib.Path, name: str, *arguments: str,
          environment: Mapping[str, str] | None = None) -> "subprocess.Popen[str]":
    return subprocess.Popen(lab.enter(str(checkout / f"deploy/terraform/{name}.sh"), "--yes", *arguments), text=True,
                            env={**lab.environment, **(environment or {})}, stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def state(checkout: pathlib.Path) -> pathlib.Path:
    return checkout / "deploy/terraform/terraform.tfstate"


def log(checkout: pathlib.Path, stage: str) -> str:
    file = checkout / f"deploy/terraform/.ground/logs/{stage}.log"
    return file.read_text(errors="replace") if file.exists() else ""


def wait_for(lab: Any, checkout: pathlib.Path, stage: str, words: str, times: int = 1) -> None:
    wait_until(lambda: log(checkout, stage).count(words) >= times, 90, f"{words} in the log of {stage}")


def stopped(lab: Any, checkout: pathlib.Path, name: str, stage: str, words: str, *arguments: str, begins: str = "", after: str = "",
            environment: Mapping[str, str] | None = None) -> str:
    """Told to stop when it is in a stage (and has said what comes after its first line), and its log has the words once
    more than before. What it says; it ends as one that was stopped, and says how to go on."""
    before = log(checkout, stage).count(words) if words else 0
    process = start(lab, checkout, name, *arguments, environment=environment)
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if line.startswith(begins) if begins else after in line and f"] {stage}: " in said:
            break
    if words:
        wait_for(lab, checkout, stage, words, before + 1)
    for one in children(process.pid):
        os.kill(one, signal.SIGTERM)
    said += process.stdout.read()
    assert process.wait(60) == 143, said
    assert "stopped by SIGTERM" in said and f"run ./{name}.sh again" in said, said
    return said

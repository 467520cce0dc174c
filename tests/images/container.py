"""A container of one of the images, started as Kubernetes and docs/docker.md start it: nothing of its root can be
written, no capability, no new privilege, limits. For tests that run in tests/images/in_namespace.sh."""

import itertools
import json
import os
import pathlib
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
VERSION = "0.1.0"
NETWORK = "puna-images"
NUMBERS = itertools.count(1)


def podman(*arguments: str, check: bool = True, seconds: float = 120) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(["podman", *arguments], capture_output=True, text=True, timeout=seconds)
    assert not check or done.returncode == 0, f"podman {' '.join(arguments)}: {done.stderr}{done.stdout}"
    return done


def wait_until(condition: Callable[[], bool], seconds: float, what: Callable[[], str]) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what()}"
        time.sleep(0.2)


class Container:
    """Runs `command`, or the image's own; ends with the `with` block."""

    def __init__(self, image: str, command: Sequence[str] = (), *, name: str = "",
                 environment: Mapping[str, str] | None = None, options: Sequence[str] = (),
                 memory: str = "2g") -> None:
        variables = [part for key, value in (environment or {}).items() for part in ("--env", f"{key}={value}")]
        self.name = name or f"{image}-{next(NUMBERS)}"
        self._arguments = [
            "run", "--detach", "--name", self.name, "--network", NETWORK,
            "--cgroup-parent", os.environ["PUNA_CGROUP_PARENT"],
            "--read-only", "--read-only-tmpfs=false", "--tmpfs", "/tmp:rw,mode=1777",
            "--cap-drop", "ALL", "--security-opt", "no-new-privileges",
            "--memory", memory, "--pids-limit", "2048", *variables, *options,
            f"localhost/{image}:{VERSION}", *command]

    def __enter__(self) -> Self:
        try:
            podman(*self._arguments)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        podman("rm", "--force", "--time", "0", self.name, check=False)

    def inspect(self) -> dict[str, Any]:
        return json.loads(podman("inspect", self.name).stdout)[0]

    @property
    def address(self) -> str:
        return self.inspect()["NetworkSettings"]["Networks"][NETWORK]["IPAddress"]

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return podman("exec", self.name, *command, check=check)

    def output(self) -> tuple[str, str]:
        """What it has written to standard output and standard error."""
        logs = podman("logs", self.name)
        return logs.stdout, logs.stderr

    def wait_healthy(self, seconds: float = 120) -> None:
        """By the image's own health check, which podman runs on a schedule only where there is systemd."""
        def healthy() -> bool:
            return podman("healthcheck", "run", self.name, check=False).returncode == 0

        wait_until(healthy, seconds, lambda: "\n".join(self.output()))
        assert self.inspect()["State"]["Health"]["Status"] == "healthy"

    def signal(self, name: str) -> None:
        podman("kill", "--signal", name, self.name)

    def wait_ended(self, seconds: float) -> int:
        """Its exit code."""
        wait_until(lambda: not self.inspect()["State"]["Running"], seconds, lambda: "it still runs")
        return self.inspect()["State"]["ExitCode"]

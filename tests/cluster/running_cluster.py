"""A `puna-cluster` for tests: a head and a worker, the fake backend, free ports; ends with its test."""

import os
import pathlib
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx

from puna.dashboard import Dashboard, status_message
from puna.local_cluster import free_port

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BINARY = str(ROOT / os.environ.get("PUNA_BINARY", "build/release/bin/puna"))
CONFIG = ROOT / "deploy/ray/llama2.yaml"
START_S = 180.0
# How long a step of the fake model takes: 100 tokens in a second, and 40 seconds for an endless answer.
STEP_MICROSECONDS = 10_000
ENDLESS_TOKENS = 4000
# For what an idle machine does in a moment and a busy one some time; shorter than an endless answer.
SOON = 30.0


def wait_until(condition: Callable[[], Any], seconds: float, what: str) -> Any:
    """The first true value of `condition`; fails with what it was the last time."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}; last: {value!r}"
        time.sleep(0.1)
    return value


class RunningCluster:
    """The process, what it printed, and what its dashboard says."""

    def __init__(self, folder: pathlib.Path, *options: str, config: pathlib.Path = CONFIG,
                 variables: dict[str, str] | None = None) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.gradio_port = free_port()
        environment = {name: value for name, value in os.environ.items()
                       if not name.startswith(("PUNA_", "RAY_"))}
        environment |= {
            "PYTHONPATH": str(ROOT / "python"), "PUNA_BINARY": BINARY, "PUNA_BACKEND": "fake",
            "PUNA_FAKE_STEP_MICROSECONDS": str(STEP_MICROSECONDS), "PUNA_LOG_LEVEL": "error",
            "PUNA_REPLICA_CPUS": "0.5", "PUNA_MAX_REPLICAS": "1", **(variables or {})}
        self.log = folder / "puna-cluster.log"
        folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "puna.cluster", str(config), "--port", str(self.port),
                   "--dashboard-port", "0", "--gcs-port", "0", "--gradio-port", str(self.gradio_port),
                   "--cpus", "1", "--folder", str(folder), *options]
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL,
                                            stdout=output, stderr=subprocess.STDOUT)
        try:
            wait_until(lambda: "ready." in self.output() or self.process.poll() is not None, START_S,
                       "puna-cluster is ready")
            assert self.process.poll() is None, self.output()
        except AssertionError:
            self.close()
            raise
        printed = re.search(r"dashboard +(http://\S+)/#/serve +\(asks for the token of (.+)\)",
                            self.output())
        assert printed, self.output()
        self.token_path = pathlib.Path(printed[2])
        self.dashboard = Dashboard(printed[1], self.token_path.read_text())

    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def close(self) -> int:
        """Ends it as Ctrl-C does; everything it started ends with it."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise

    def deploy(self, *, wait_s: float = 60, **application: Any) -> None:
        """Deploys the application again with other fields, and waits until it runs so."""
        self.put(**application)
        wait_until(self.is_healthy, wait_s, f"running: {status_message(self.application())}")

    def put(self, **application: Any) -> None:
        """Like deploy(), but does not wait. The address stays, or Ray would not change it anyway."""
        self.dashboard.deploy({
            "proxy_location": "HeadOnly", "http_options": {"host": "127.0.0.1", "port": self.port},
            "applications": [{"name": "llama2", "route_prefix": "/",
                              "import_path": "puna.ray_serve:app", **application}]})

    def application(self, name: str = "llama2") -> dict[str, Any]:
        return self.dashboard.application(name)

    def is_healthy(self) -> bool:
        application = self.application()
        return application.get("status") == "RUNNING" and all(
            one["status"] == "HEALTHY" for one in application["deployments"].values())

    def replicas(self, state: str = "RUNNING") -> list[dict[str, Any]]:
        deployments = self.application().get("deployments", {})
        return [replica for deployment in deployments.values() for replica in deployment["replicas"]
                if replica["state"] == state]

    def servers(self) -> list[int]:
        """Process ids of the C++ servers of this cluster's replicas."""
        return [server for replica in self.replicas() for server in children(replica["pid"])]

    def metric(self, name: str) -> float:
        """A metric of the server of whichever replica answers."""
        text = httpx.get(self.url + "/metrics", timeout=10, trust_env=False).text
        found = re.search(rf"^{re.escape(name)}\S* (\S+)$", text, re.MULTILINE)
        assert found, text
        return float(found[1])


def children(pid: int) -> list[int]:
    found = []
    for task in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [int(word) for word in task.read_text().split()]
        except OSError:
            continue
    return [child for child in found if "puna" in command_of(child)]


def command_of(pid: int) -> str:
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def processes_with(text: str) -> Iterator[tuple[int, str]]:
    """Living processes whose command line, environment or open files name `text`.

    Ray's processes write their title over the first two, and keep their log files open.
    """
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        if int(entry.name) == os.getpid():
            continue
        try:
            named = text.encode() in (entry / "environ").read_bytes() + (entry / "cmdline").read_bytes()
            named = named or any(text in os.readlink(one) for one in (entry / "fd").iterdir())
            state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if named and state != "Z":
            yield int(entry.name), command_of(int(entry.name))

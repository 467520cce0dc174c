"""A Ray cluster on one machine: a head, workers and their end, all by process id.

Each node has a loopback address of its own (127.0.0.2, 127.0.0.3, …), so that nodes reach each other
without the network. Ray opens some of its ports on every interface whatever it is told; therefore
every connection to them needs the token that is made here. Ray is told to send nothing to the
internet. Nothing else of Ray on this machine is touched: `ray stop`, which ends all, is never called.
"""

import contextlib
import ctypes
import json
import os
import pathlib
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence

from puna.dashboard import ClusterError, Dashboard, poll

START_TIMEOUT_S = 120.0
STOP_TIMEOUT_S = 20.0
# A socket's path may have 107 bytes, of which Ray's own part of it takes 62.
FOLDER_BYTES_MAX = 45
OBJECT_STORE_BYTES = 100_000_000
PR_SET_PDEATHSIG = 1  # <sys/prctl.h>
HEAD_ADDRESS = "127.0.0.2"
MIDDLEWARE = "puna.proxy_middleware:middlewares"


def free_port(host: str = "127.0.0.1") -> int:
    with socket.socket() as one:
        one.bind((host, 0))
        return int(one.getsockname()[1])


def cluster_environment(folder: pathlib.Path, token_path: pathlib.Path,
                        extra: Mapping[str, str]) -> dict[str, str]:
    """What every Ray process is started with; replicas and their servers inherit it."""
    # An address or a token of another cluster must not get in; settings of Serve may.
    environment = {name: value for name, value in os.environ.items()
                   if not name.startswith("RAY_") or name.startswith("RAY_SERVE_")}
    environment |= {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(token_path),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_USAGE_STATS_REPORT_URL": "http://127.0.0.1:9/",
        "RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH": MIDDLEWARE,
        # Ray's proxy would ask only the replicas of its own node until their queues are full.
        "RAY_SERVE_PROXY_PREFER_LOCAL_NODE_ROUTING": "0",
        "RAY_TMPDIR": str(folder),
        "RAY_COLOR_PREFIX": "0",
        "PYTHONUNBUFFERED": "1",
        # Ray's workers must find this package also when it is not installed.
        "PYTHONPATH": os.pathsep.join(filter(None, [
            str(pathlib.Path(__file__).resolve().parent.parent), os.environ.get("PYTHONPATH", "")])),
    }
    return environment | dict(extra)


def end_with_parent() -> None:
    """For a child before it runs: SIGTERM when the thread that started it ends, in whatever way."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class RayNode:
    """One `ray start --block`; its Ray processes end with it."""

    def __init__(self, arguments: list[str], environment: Mapping[str, str], log: pathlib.Path) -> None:
        self.log = log
        command = [sys.executable, "-c", "from ray.scripts.scripts import main; main()", "start",
                   *arguments, "--block", "--disable-usage-stats",
                   "--object-store-memory", str(OBJECT_STORE_BYTES)]
        with log.open("wb") as output:
            self.process = subprocess.Popen(command, env=dict(environment), stdin=subprocess.DEVNULL,
                                            stdout=output, stderr=subprocess.STDOUT,
                                            start_new_session=True, preexec_fn=end_with_parent)

    def stop(self) -> None:
        """SIGTERM lets Ray end its processes; what is left of the session is then killed."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(STOP_TIMEOUT_S)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def last_words(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])


class LocalCluster:
    def __init__(self, folder: pathlib.Path, *, cpus: int = 2, gcs_port: int = 0,
                 dashboard_host: str = "127.0.0.1", dashboard_port: int = 0,
                 environment: Mapping[str, str] | None = None,
                 head_arguments: list[str] | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder.resolve()
        if len(os.fsencode(str(self.folder))) > FOLDER_BYTES_MAX:
            raise ClusterError(f"the folder {self.folder} has a path of more than {FOLDER_BYTES_MAX} "
                               "bytes, too long for Ray's sockets; choose another with --folder")
        self.token_path = self.folder / "token"
        self.token = make_token(self.token_path)
        self.environment = cluster_environment(self.folder, self.token_path, environment or {})
        self.gcs_port = gcs_port or free_port(HEAD_ADDRESS)
        self.dashboard_port = dashboard_port or free_port(dashboard_host)
        self.dashboard = Dashboard(f"http://{local_name(dashboard_host)}:{self.dashboard_port}",
                                   self.token)
        self.nodes: list[RayNode] = []
        self._head_arguments = [
            "--head", "--node-ip-address", HEAD_ADDRESS, "--port", str(self.gcs_port),
            "--dashboard-host", dashboard_host, "--dashboard-port", str(self.dashboard_port),
            "--ray-client-server-port", str(free_port(HEAD_ADDRESS)),
            "--num-cpus", str(cpus), "--temp-dir", str(self.folder), *(head_arguments or [])]

    @property
    def address(self) -> str:
        return f"{HEAD_ADDRESS}:{self.gcs_port}"

    def start(self) -> None:
        """Starts the head and waits for its dashboard; raises ClusterError."""
        self._add(self._head_arguments, "head")
        try:
            self._wait("the dashboard answers", lambda: self.dashboard.call("GET", "/api/version") is not None)
            self._wait("the head is a node", lambda: len(self.dashboard.alive_nodes()) == 1)
        except ClusterError:
            self.stop()
            raise

    def add_worker(self, *, cpus: int = 2, resources: Mapping[str, float] | None = None) -> RayNode:
        """Starts a worker and waits until the head knows it."""
        count = len(self.dashboard.alive_nodes())
        number = len(self.nodes) + 2
        node = self._add(["--address", self.address, "--node-ip-address", f"127.0.0.{number}",
                          "--num-cpus", str(cpus), "--resources", json.dumps(dict(resources or {}))],
                         f"worker-{number - 2}")
        self._wait("the worker joins", lambda: len(self.dashboard.alive_nodes()) > count)
        return node

    def _add(self, arguments: list[str], name: str) -> RayNode:
        ports = [word for flag in ("--dashboard-agent-listen-port", "--dashboard-agent-grpc-port",
                                   "--metrics-export-port", "--runtime-env-agent-port")
                 for word in (flag, str(free_port()))]
        node = RayNode([*arguments, *ports], self.environment, self.folder / f"{name}.log")
        self.nodes.append(node)
        return node

    def stop(self) -> None:
        """Ends the applications in order, then workers, then the head, with all they had started."""
        with contextlib.suppress(ClusterError):
            # Without this Ray waits 30 s for replicas that nobody ends.
            self.dashboard.call("DELETE", "/api/serve/applications/")
        for node in reversed(self.nodes):
            node.stop()
        self.nodes.clear()

    def __enter__(self) -> "LocalCluster":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def check_head(self) -> None:
        """Raises ClusterError when the head has ended: without it the cluster is only its rest."""
        self._check(self.nodes[:1])

    def _check(self, nodes: Sequence[RayNode]) -> None:
        for node in nodes:
            if node.process.poll() is not None:
                raise ClusterError(f"the Ray node of {node.log} has ended:\n{node.last_words()}")

    def _wait(self, what: str, condition: Callable[[], bool]) -> None:
        for _ in poll(START_TIMEOUT_S):
            self._check(self.nodes)
            if condition():
                return
        raise ClusterError(f"not within {START_TIMEOUT_S:g} s: {what}\n{self.nodes[-1].last_words()}")


def local_name(host: str) -> str:
    return "127.0.0.1" if host in ("0.0.0.0", "::", "") else host


def make_token(path: pathlib.Path) -> str:
    """The cluster's token, made once per folder; only its owner can read it."""
    with contextlib.suppress(FileNotFoundError):
        if token := path.read_text().strip():
            return token
    token = secrets.token_hex(32)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(token)
    return token

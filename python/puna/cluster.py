"""`puna-cluster`: Puna on a Ray cluster of this machine, with dashboard and Gradio page.

Starts a head and workers, deploys a Serve YAML, prints the addresses and runs until Ctrl-C; then
everything that it started ends in order. Other machines are let in only with a key for the API
(the same rule as for `puna serve`); Ray's own ports always want the token that it prints the file of.
"""

import argparse
import contextlib
import dataclasses
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

from puna.dashboard import ClusterError, poll
from puna.local_cluster import FOLDER_BYTES_MAX, HEAD_ADDRESS, LocalCluster, end_with_parent, local_name
from puna.serve_config import ConfigError, load_config
from puna.settings import SettingsError, find_binary

GRADIO_TIMEOUT_S = 90.0


@dataclasses.dataclass(frozen=True)
class Addresses:
    api: str
    dashboard: str
    gradio: str
    token_path: pathlib.Path

    watch: Callable[[], None]  # raises ClusterError when the head has ended by itself

    def describe(self) -> str:
        lines = [f"API        {self.api}/v1/chat/completions  {self.api}/infer?sentence=Hello",
                 f"chat page  {self.api}/",
                 f"dashboard  {self.dashboard}/#/serve  (asks for the token of {self.token_path})"]
        if self.gradio:
            lines.append(f"Gradio     {self.gradio}")
        return "\n".join(lines)


def parse_options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("puna-cluster", description=(__doc__ or "").splitlines()[0],
                                     formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("config", help="Serve YAML, e.g. deploy/ray/llama2.yaml")
    parser.add_argument("--host", default="", help="address of the API (none: the YAML's)")
    parser.add_argument("--port", type=int, default=0, help="port of the API (0: the YAML's)")
    parser.add_argument("--dashboard-port", type=int, default=8265, help="0: any free one")
    parser.add_argument("--gcs-port", type=int, default=6379, help="Ray's own port; 0: any free one")
    parser.add_argument("--gradio-port", type=int, default=7860, help="-1: no Gradio page")
    parser.add_argument("--workers", type=int, default=1, help="Ray nodes beside the head")
    parser.add_argument("--cpus", type=int, default=0, help="CPUs of each node (0: this machine's share)")
    parser.add_argument("--folder", default="build/cluster", help="logs, sockets and token")
    return parser.parse_args(arguments)


def cluster_folder(wanted: str) -> pathlib.Path:
    """`wanted`, or a new folder in /tmp when its path is too long for Ray's sockets."""
    folder = pathlib.Path(wanted).resolve()
    if len(os.fsencode(str(folder))) <= FOLDER_BYTES_MAX:
        return folder
    return pathlib.Path(tempfile.mkdtemp(prefix="puna-", dir="/tmp"))


def read_config(options: argparse.Namespace) -> dict[str, Any]:
    config = load_config(options.config)
    http = config.setdefault("http_options", {})
    if options.host:
        http["host"] = options.host
    if options.port:
        http["port"] = options.port
    return config


def check_ports_free(config: dict[str, Any], options: argparse.Namespace) -> None:
    """Ray's proxies share a taken port with whoever has it, and each would get half of the requests."""
    http = config["http_options"]
    host = str(http.get("host", "127.0.0.1"))
    for flag, address, port in (("--port", host, int(http.get("port", 8000))),
                                ("--dashboard-port", "127.0.0.1", options.dashboard_port),
                                ("--gradio-port", "127.0.0.1", max(0, options.gradio_port)),
                                ("--gcs-port", HEAD_ADDRESS, options.gcs_port)):
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as one:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                one.bind((address, port))
            except OSError as failure:
                raise ClusterError(f"port {port} of {address} cannot be had: {failure.strerror}; end what uses "
                                   f"it, or choose another with {flag}") from None


def start_gradio(port: int, api: str, log: pathlib.Path) -> subprocess.Popen[bytes]:
    """The page as a process of its own; returns when it answers."""
    environment = {**os.environ, "SERVICE_NAME": api, "PORT": str(port), "PYTHONUNBUFFERED": "1"}
    package = str(pathlib.Path(__file__).resolve().parent.parent)
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
    with log.open("wb") as output:
        process = subprocess.Popen([sys.executable, "-m", "puna.gradio_app"], env=environment,
                                   stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                                   preexec_fn=end_with_parent)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for _ in poll(GRADIO_TIMEOUT_S):
        if process.poll() is not None:
            raise ClusterError(f"the Gradio page has ended: {log.read_text(errors='replace')[-1000:]}")
        with contextlib.suppress(OSError), opener.open(f"http://127.0.0.1:{port}/", timeout=5):
            return process
    process.kill()
    process.wait()
    raise ClusterError(f"the Gradio page does not answer within {GRADIO_TIMEOUT_S:g} s; see {log}")


@contextlib.contextmanager
def running(options: argparse.Namespace) -> Iterator[Addresses]:
    """The whole cluster; everything has ended when this has."""
    config = read_config(options)
    check_ports_free(config, options)
    http = config["http_options"]
    cpus = options.cpus or max(1, (os.cpu_count() or 1) // (options.workers + 1))
    binary = find_binary(os.environ.get("PUNA_BINARY", "puna"))
    environment = {"PUNA_BINARY": os.path.abspath(binary),
                   "PUNA_REPLICA_CPUS": os.environ.get("PUNA_REPLICA_CPUS", str(cpus))}
    cluster = LocalCluster(cluster_folder(options.folder), cpus=cpus, gcs_port=options.gcs_port,
                           dashboard_port=options.dashboard_port, environment=environment)
    gradio: subprocess.Popen[bytes] | None = None
    print("starting Ray: a head and", options.workers, "worker(s)", flush=True)
    try:
        cluster.start()
        for _ in range(options.workers):
            cluster.add_worker(cpus=cpus)
        cluster.dashboard.deploy(config)
        for application in config["applications"]:
            print("starting", application["name"], flush=True)
            cluster.dashboard.wait_running(application["name"], timeout_s=900)
        api = f"http://{local_name(str(http.get('host', '127.0.0.1')))}:{http.get('port', 8000)}"
        page = ""
        if options.gradio_port >= 0:
            gradio = start_gradio(options.gradio_port, api, cluster.folder / "gradio.log")
            page = f"http://127.0.0.1:{options.gradio_port}"
        yield Addresses(api, cluster.dashboard.url, page, cluster.token_path, cluster.check_head)
    finally:
        if gradio is not None:
            gradio.terminate()
            gradio.wait()
        cluster.stop()


def main() -> int:
    options = parse_options(sys.argv[1:])
    asked_to_stop = threading.Event()

    def stop(*_: object) -> None:
        if asked_to_stop.is_set():
            return
        asked_to_stop.set()
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    try:
        with running(options) as addresses:
            print(addresses.describe(), "\nready. Ctrl-C ends everything.", sep="", flush=True)
            while True:
                addresses.watch()
                time.sleep(1)
    except KeyboardInterrupt:
        print("stopped", flush=True)
    except (ClusterError, ConfigError, SettingsError) as failure:
        print(f"error: {failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""A real Kubernetes control plane in a private network, mount and process namespace.

etcd, API server, controller manager, scheduler, kube-proxy and CoreDNS are the real programs
(lab_tools.py builds them); kwok stands in for kubelets and machines. Everything ends with the process
that started it: the first process of the namespace waits for the end of its standard input.
"""

import contextlib
import json
import os
import pathlib
import shlex
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import yaml
from lab_tools import BIN, CRDS, STAGES

API_ADDRESS, DNS_ADDRESS = "10.77.0.1", "10.77.0.10"
POD_NETWORK, POD_GATEWAY = "10.244.0.0/16", "10.244.255.254"
SERVICE_NETWORK = "10.96.0.0/16"
Document = dict[str, Any]

# Addresses of the namespace only; the default route leads nowhere, but address translation needs one.
NETWORK_SETUP = f"""set -e
ip link set lo up; ip addr add {API_ADDRESS}/32 dev lo; ip addr add {DNS_ADDRESS}/32 dev lo
ip link add pods0 type bridge; ip addr add {POD_GATEWAY}/16 dev pods0; ip link set pods0 up
ip route add default via 10.244.255.253 dev pods0
sysctl --quiet --write net.ipv4.ip_forward=1
mount --bind "$1" /etc/resolv.conf"""

COREFILE = f""".:53 {{
  bind {DNS_ADDRESS}
  kubernetes cluster.local {{
    kubeconfig "%s"
  }}
}}
"""


class LabError(AssertionError):
    """What the lab did not do in time, with the last words of whoever should have."""


def wait_until(condition: Callable[[], Any], seconds: float, what: str | Callable[[], str]) -> Any:
    """The first true value of `condition`."""
    end = time.monotonic() + seconds
    while True:
        if value := condition():
            return value
        if time.monotonic() > end:
            raise LabError(f"not within {seconds:g} s: {what() if callable(what) else what}")
        time.sleep(0.3)


class Lab:
    """One cluster. `folder` must be empty or not exist; logs of every program are in folder/log."""

    def __init__(self, folder: pathlib.Path) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        self.folder, self.log = folder.resolve(), folder.resolve() / "log"
        (self.folder / "pki").mkdir(parents=True)
        self.log.mkdir()
        self.kubeconfig = self.folder / "admin.conf"
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._reported: list[str] = []
        make_certificates(self.folder / "pki")
        self.kubeconfig.write_text(yaml.safe_dump(kubeconfig(self.folder / "pki")))
        self.holder = subprocess.Popen(
            ["unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child", "cat"],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        self.init = wait_until(lambda: first_child(self.holder.pid), 10, "the namespace")
        self.environment = {"KUBECONFIG": str(self.kubeconfig), "HOME": str(self.folder),
                            "PATH": f"{BIN}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}

    # What runs inside.

    def enter(self, *command: str) -> list[str]:
        return ["nsenter", "--target", str(self.init), "--net", "--mount", "--pid", *command]

    def run(self, *command: str, stdin: str = "", check: bool = True,
            timeout_s: float = 120) -> subprocess.CompletedProcess[str]:
        self.raise_reported()
        with tempfile.TemporaryFile("w+") as given:
            given.write(stdin)
            given.seek(0)
            with subprocess.Popen(self.enter(*command), env=self.environment, text=True, stdin=given,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
                try:
                    output, errors = self._output_of(process, timeout_s)
                except BaseException:
                    process.kill()
                    raise
        done = subprocess.CompletedProcess(list(command), process.returncode, output, errors)
        if check and done.returncode != 0:
            raise LabError(f"{' '.join(command)}: {done.stdout}{done.stderr}")
        return done

    def _output_of(self, process: subprocess.Popen[str], timeout_s: float) -> tuple[str, str]:
        """Waits for its end, and gives up when meanwhile something is reported that makes waiting useless."""
        end = time.monotonic() + timeout_s
        while True:
            try:
                return process.communicate(timeout=min(1.0, timeout_s))
            except subprocess.TimeoutExpired:
                self.raise_reported()
                if time.monotonic() > end:
                    raise

    def report(self, words: str) -> None:
        """What a test must not wait behind, from another thread: the test's next command fails with it."""
        self._reported.append(words)

    def raise_reported(self) -> None:
        """Once, and in the test's own thread."""
        if self._reported and threading.current_thread() is threading.main_thread():
            raise LabError(self._reported.pop(0))

    def run_here(self, commands: str) -> str:
        """What a script prints that is run in the folder where this process is."""
        script = f"cd {shlex.quote(str(pathlib.Path.cwd()))}\n{commands}"
        return self.run("bash", "-euo", "pipefail", "-c", script, timeout_s=900).stdout

    def start(self, name: str, *command: str, environment: Mapping[str, str] | None = None,
              ready: str = "") -> None:
        """Starts a program; `ready` is a URL that answers when it is."""
        self.stop(name)
        with (self.log / f"{name}.log").open("ab") as output:
            self.processes[name] = subprocess.Popen(
                self.enter(*command), env=self.environment | dict(environment or {}), cwd=self.folder,
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
        if ready:
            probe = ("curl", "--fail", "--silent", "--insecure", "--max-time", "2", ready)
            wait_until(lambda: self.alive(name) and self.run(*probe, check=False).returncode == 0, 60,
                       lambda: f"{name} is ready: {self.last_words(name)}")

    def alive(self, name: str) -> bool:
        if self.processes[name].poll() is not None:
            raise LabError(f"{name} has ended: {self.last_words(name)}")
        return True

    def last_words(self, name: str) -> str:
        return (self.log / f"{name}.log").read_text(errors="replace")[-2000:]

    def stop(self, name: str) -> None:
        """The signal goes to the program itself, which nsenter would not pass it on to."""
        process = self.processes.pop(name, None)
        if process is None or process.poll() is not None:
            return
        for child in children(process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()
        process.wait()

    def close(self) -> None:
        """The namespace ends with its first process, and everything in it too."""
        self._reported.clear()
        assert self.holder.stdin is not None
        self.holder.stdin.close()
        self.holder.wait(20)
        for process in self.processes.values():
            process.wait(20)

    # The cluster.

    def start_control_plane(self, *api_server: str, definitions: str = "*") -> None:
        """With more options for the API server; definitions (CRDs) of the folders of CRDS that the pattern matches."""
        resolver = self.folder / "resolv.conf"
        resolver.write_text(f"nameserver {DNS_ADDRESS}\nsearch llama2.svc.cluster.local svc.cluster.local "
                            "cluster.local\noptions ndots:5\n")
        self.run("bash", "-c", NETWORK_SETUP, "network", str(resolver))
        pki, config = self.folder / "pki", f"--kubeconfig={self.kubeconfig}"
        self.start("etcd", "etcd", f"--data-dir={self.folder}/etcd", "--unsafe-no-fsync", "--log-level=warn")
        self.start(
            "apiserver", "kube-apiserver", "--etcd-servers=http://127.0.0.1:2379",
            f"--advertise-address={API_ADDRESS}", f"--tls-cert-file={pki}/server.crt",
            f"--tls-private-key-file={pki}/server.key", f"--client-ca-file={pki}/ca.crt",
            f"--service-cluster-ip-range={SERVICE_NETWORK}", "--authorization-mode=Node,RBAC",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={pki}/sa.pub", f"--service-account-signing-key-file={pki}/sa.key", *api_server)
        wait_until(lambda: self.alive("apiserver")
                   and self.run("kubectl", "get", "--raw", "/readyz", check=False).returncode == 0, 60,
                   lambda: f"the API server is ready: {self.last_words('apiserver')}")
        self.start("controller-manager", "kube-controller-manager", config, "--leader-elect=false",
                   f"--service-account-private-key-file={pki}/sa.key", f"--root-ca-file={pki}/ca.crt",
                   "--use-service-account-credentials",
                   # The node of kubelet.py says only once that it is ready.
                   "--node-monitor-grace-period=1h")
        self.start("scheduler", "kube-scheduler", config, "--leader-elect=false")
        self.start("kwok", "kwok", config, "--manage-all-nodes=false",
                   "--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake", f"--cidr={POD_NETWORK}",
                   "--node-ip=10.77.0.2", f"--config={STAGES}", "--server-address=127.0.0.1:10247")
        self.start("kube-proxy", "kube-proxy", config, "--proxy-mode=nftables", "--hostname-override=lab",
                   f"--bind-address={API_ADDRESS}", "--masquerade-all", f"--cluster-cidr={POD_NETWORK}",
                   "--conntrack-max-per-core=0", "--conntrack-min=0",
                   "--conntrack-tcp-timeout-established=0s", "--conntrack-tcp-timeout-close-wait=0s",
                   "--metrics-bind-address=127.0.0.1:10249", "--healthz-bind-address=127.0.0.1:10256")
        (self.folder / "Corefile").write_text(COREFILE % self.kubeconfig)
        self.start("coredns", "coredns", "-conf", str(self.folder / "Corefile"))
        self.run("kubectl", "apply", "--server-side", *(f"--filename={one}" for one in sorted(CRDS.glob(definitions))))
        self.run("kubectl", "wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")

    def start_operator(self) -> None:
        """The real KubeRay; several clusters at a time, or one unreachable head holds up all others."""
        self.start("operator", "kuberay-operator", "--enable-leader-election=false",
                   "--metrics-addr=127.0.0.1:18080", "--health-probe-bind-address=127.0.0.1:18082",
                   "--reconcile-concurrency=6", ready="http://127.0.0.1:18082/readyz")

    def kubectl(self, *arguments: str, stdin: str = "") -> str:
        return self.run("kubectl", *arguments, stdin=stdin).stdout

    def apply(self, objects: list[Document]) -> None:
        self.kubectl("apply", "--server-side", "--force-conflicts", "--filename=-",
                     stdin=yaml.safe_dump_all(objects))

    def refusal(self, objects: list[Document]) -> str:
        """What the API server says against the objects, every field checked; empty when nothing."""
        done = self.run("kubectl", "apply", "--server-side", "--dry-run=server", "--validate=strict",
                        "--filename=-", stdin=yaml.safe_dump_all(objects), check=False)
        return "" if done.returncode == 0 else done.stderr

    def get(self, kind: str, name: str = "", namespace: str = "llama2") -> Any:
        """One object or a list; {} when the object is not there."""
        which = [name] if name else []
        done = self.run("kubectl", "get", kind, *which, f"--namespace={namespace}", "--output=json",
                        "--ignore-not-found")
        found = json.loads(done.stdout or "{}")
        return found if name else found.get("items", [])

    def events(self, name: str, namespace: str = "llama2") -> str:
        """`Reason: message` of everything that was said of objects whose name begins so."""
        return "\n".join(f"{one['reason']}: {one['message']}" for one in self.get("events", "", namespace)
                         if one["involvedObject"]["name"].startswith(name))


def first_child(pid: int) -> int:
    return next(iter(children(pid)), 0)


def children(pid: int) -> Iterator[int]:
    with contextlib.suppress(OSError):
        yield from map(int, pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split())


def kubeconfig(pki: pathlib.Path) -> Document:
    return {"apiVersion": "v1", "kind": "Config", "current-context": "lab",
            "clusters": [{"name": "lab", "cluster": {
                "server": "https://127.0.0.1:6443", "certificate-authority": str(pki / "ca.crt")}}],
            "users": [{"name": "admin", "user": {"client-certificate": str(pki / "admin.crt"),
                                                 "client-key": str(pki / "admin.key")}}],
            "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "admin"}}]}


def make_certificates(folder: pathlib.Path) -> None:
    """An authority, the API server's and the administrator's certificates, and the service accounts' key."""
    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30"]
    openssl("req", "-x509", *key, "-subj", "/CN=lab-ca", "-keyout", "ca.key", "-out", "ca.crt")
    names = (f"subjectAltName=IP:127.0.0.1,IP:{API_ADDRESS},IP:10.96.0.1,DNS:localhost,DNS:kubernetes,"
             "DNS:kubernetes.default,DNS:kubernetes.default.svc")
    for name, subject in (("server", "/CN=kube-apiserver"), ("admin", "/O=system:masters/CN=admin")):
        openssl("req", "-x509", *key, "-CA", "ca.crt", "-CAkey", "ca.key", "-subj", subject, "-addext", names,
                "-addext", "basicConstraints=critical,CA:FALSE", "-keyout", f"{name}.key", "-out", f"{name}.crt")
    openssl("genrsa", "-out", "sa.key", "2048")
    openssl("rsa", "-in", "sa.key", "-pubout", "-out", "sa.pub")

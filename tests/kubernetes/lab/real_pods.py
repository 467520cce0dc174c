"""A pod as real processes, with the pod's address.

A pod has a network namespace with its IP, each container a mount and process namespace, the variables,
volumes, service account and restarts that a kubelet would give it. What an image would hold comes from
this machine (Images). Not covered: image pulls, limits, users, liveness probes, preStop, NetworkPolicies.
"""

import base64
import contextlib
import dataclasses
import math
import os
import pathlib
import re
import shlex
import signal
import subprocess
import threading
import time
from collections.abc import Mapping
from typing import Any

from container_setup import container_command, inside
from control_plane import POD_GATEWAY, Document, Lab, LabError, first_child, wait_until
from quantity import quantity

RESTART_WAIT_S = 2.0
# Mounted in the container; every other mount path is replaced by a folder where the command names it,
# because the machine's own tree must not be changed.
MOUNTABLE = ("/tmp", "/dev/shm")
# A container that ends so often within so long, one time after another, cannot start: known within a minute.
SOON_S, ENDS_MAX = 60.0, 4


@dataclasses.dataclass(frozen=True)
class Images:
    """This machine instead of images: programs on a path, variables, and where files of an image are (all below
    the project, as containers see it: container_setup.inside())."""

    project: pathlib.Path
    path: str
    variables: dict[str, str]
    folders: dict[str, str]


def programs(project: pathlib.Path, folder: pathlib.Path) -> str:
    """Where containers find the programs of the cluster's virtual environment: copies that name its Python where a container
    sees it, because Ray does not start where its own path has a space."""
    folder.mkdir(parents=True, exist_ok=True)
    bin_folder = project / "build/venv/cluster/bin"
    for one in bin_folder.iterdir():
        if one.is_file() and not one.is_symlink() and (text := one.read_bytes()).startswith(b"#!"):
            own = f"{bin_folder}/python".encode()
            lines = text.split(b"\n")
            # pip writes three lines where the path has spaces.
            begin = 1 if lines[0].startswith(b"#!" + own) else 3 if len(lines) > 2 and own in lines[1] else 0
            if begin:
                python = f"#!{inside(project, bin_folder / 'python')}\n".encode()
                (folder / one.name).write_bytes(python + b"\n".join(lines[begin:]))
                (folder / one.name).chmod(0o755)
    return f"{inside(project, folder)}:{inside(project, bin_folder)}"


class Ends:
    """How long a container ran before it ended, the last times. Some take a while to find out that they cannot start, on a
    busy machine above all: it is the sum that tells."""

    def __init__(self) -> None:
        self.last: list[float] = []
        self.told = False

    def add(self, seconds: float) -> bool:
        """Whether it cannot start, now that it has run for so long; said once."""
        self.last = [*self.last, seconds][-ENDS_MAX:]
        cannot = len(self.last) == ENDS_MAX and sum(self.last) < SOON_S and not self.told
        self.told = self.told or cannot
        return cannot


class RealPod:
    def __init__(self, lab: Lab, images: Images, pod: Document, address: str) -> None:
        pod["status"]["podIP"] = address
        self.lab, self.images, self.pod = lab, images, pod
        meta = pod["metadata"]
        self.name, self.namespace = meta["name"], meta["namespace"]
        self.folder = lab.folder / "pods" / self.name
        self.folder.mkdir(parents=True)
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.starts: dict[str, int] = {}
        self.ended = threading.Event()
        self.network = self._make_network(meta["uid"][:8], address)
        self._make_account()
        for container in [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]:
            (self.folder / container["name"]).mkdir(exist_ok=True)
        threading.Thread(target=self._run_all, daemon=True).start()

    def _make_network(self, identity: str, address: str) -> int:
        """A process that holds the pod's network; its id."""
        self.pause = subprocess.Popen(self.lab.enter("unshare", "--net", "--uts", "sleep", "infinity"),
                                      start_new_session=True)
        wait_until(lambda: (child := first_child(self.pause.pid)) and
                   "sleep" in pathlib.Path(f"/proc/{child}/comm").read_text(), 10, "a pod's network")
        holder = first_child(self.pause.pid)
        veth = f"v{identity}"
        join = f"nsenter --net=/proc/{holder}/ns/net --uts=/proc/{holder}/ns/uts"
        # From outside the lab's process namespace, where the holder has the id that is known here.
        subprocess.run(
            ["nsenter", f"--net=/proc/{self.lab.init}/ns/net", "bash", "-c", f"""set -e
             ip link add {veth} type veth peer name eth0 netns {holder}; ip link set {veth} master pods0 up
             {join} bash -c 'hostname {self.name[:60]}; ip link set lo up; ip addr add {address}/16 dev eth0
             ip link set eth0 up; ip route add default via {POD_GATEWAY}'"""],
            check=True, capture_output=True)
        return holder

    def _make_account(self) -> None:
        folder = self.folder / "account"
        folder.mkdir()
        account = self.pod["spec"].get("serviceAccountName", "default")
        token = self.lab.kubectl("create", "token", account, "-n", self.namespace, "--duration=2h")
        for name, content in (("token", token), ("namespace", self.namespace),
                              ("ca.crt", (self.lab.folder / "pki/ca.crt").read_text())):
            (folder / name).write_text(content)

    # Containers.

    def _run_all(self) -> None:
        for container in self.pod["spec"].get("initContainers", []):
            if not self._run(container, until_success=True):
                return
        for container in self.pod["spec"]["containers"]:
            threading.Thread(target=self._run, args=(container,), daemon=True).start()

    def _run(self, container: Document, until_success: bool = False) -> bool:
        """Starts it again and again; true when it has succeeded, which an init container does once."""
        ends = Ends()
        while not self.ended.is_set():
            began = time.monotonic()
            try:
                code = self._start(container).wait()
            except LabError as error:  # of the cluster's objects; or the pod or the whole lab has gone meanwhile
                self._cannot_start(container, str(error))
                return False
            if until_success and code == 0:
                return True
            if ends.add(time.monotonic() - began):
                self._cannot_start(container, f"exit {code}: {self.lab.last_words(self._log_name(container))}")
            self.ended.wait(RESTART_WAIT_S)
        return False

    def _cannot_start(self, container: Document, words: str) -> None:
        if not self.ended.is_set():
            self.lab.report(f"pod {self.name} cannot start, container {container['name']}: {words}")

    def _log_name(self, container: Document) -> str:
        return f"pod-{self.name}-{container['name']}"

    def _start(self, container: Document) -> subprocess.Popen[bytes]:
        mounts, folders = self._volumes(container)
        environment = self._environment(container)
        replaced = {**self.images.folders, **folders}

        def here(text: str) -> str:
            return with_paths(text, replaced)

        environment = {name: here(value) for name, value in environment.items()}
        command = [here(expand(word, environment))
                   for word in [*container.get("command", []), *container.get("args", [])]]
        entered = ["nsenter", f"--mount=/proc/{self.lab.init}/ns/mnt", f"--pid=/proc/{self.lab.init}/ns/pid",
                   f"--net=/proc/{self.network}/ns/net", f"--uts=/proc/{self.network}/ns/uts",
                   "nice", "unshare", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child",
                   *container_command(self.images.project, self.folder / "account", mounts, command)]
        with (self.lab.log / f"{self._log_name(container)}.log").open("ab") as output:
            output.write((shlex.join(command) + "\n").encode())
            output.flush()
            process = subprocess.Popen(entered, env=environment, cwd=self.folder / container["name"],
                                       stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                                       start_new_session=True)
        self.running[container["name"]] = process
        self.starts[container["name"]] = self.starts.get(container["name"], 0) + 1
        return process

    def _volumes(self, container: Document) -> tuple[dict[str, pathlib.Path], dict[str, str]]:
        """Paths to mount, each with its folder or file of this machine, and paths to replace by others."""
        volumes = {one["name"]: one for one in self.pod["spec"].get("volumes", [])}
        mounts: dict[str, pathlib.Path] = {}
        replaced: dict[str, str] = {}
        for mount in container.get("volumeMounts", []):
            path, volume = mount["mountPath"], volumes[mount["name"]]
            if path.startswith("/var/run/secrets/"):
                continue
            # A claim of its own outlives the pod, and others have it too.
            claim = volume.get("persistentVolumeClaim", {}).get("claimName")
            folder = self.lab.folder / "claims" / claim if claim else self.folder / "volumes" / mount["name"]
            folder.mkdir(parents=True, exist_ok=True)
            for name, content in self._files(volume).items():
                (folder / name).write_bytes(content)
            source = folder / mount["subPath"] if "subPath" in mount else folder
            if path.startswith(MOUNTABLE):
                mounts[path] = source
            else:
                replaced[path] = inside(self.images.project, source)
        return mounts, replaced

    def _files(self, volume: Document) -> dict[str, bytes]:
        if "configMap" in volume:
            found = self.lab.get("configmap", volume["configMap"]["name"], self.namespace)
            return {name: text.encode() for name, text in found["data"].items()}
        if "secret" in volume:
            found = self.lab.get("secret", volume["secret"]["secretName"], self.namespace)
            return {name: base64.b64decode(text) for name, text in found["data"].items()}
        return {}

    def _environment(self, container: Document) -> dict[str, str]:
        environment = {
            "PATH": f"{self.images.path}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "LANG": "C.UTF-8",
            "HOME": "/tmp", "HOSTNAME": self.name, "KUBERNETES_SERVICE_HOST": "10.96.0.1",
            "KUBERNETES_SERVICE_PORT": "443", "KUBERNETES_SERVICE_PORT_HTTPS": "443"}
        for source in container.get("envFrom", []):
            found = self.lab.get("configmap", source["configMapRef"]["name"], self.namespace)
            environment |= found["data"]
        for one in container.get("env", []):
            value = one.get("value") if "valueFrom" not in one else self._value_from(container, one["valueFrom"])
            if value is not None:
                environment[one["name"]] = expand(value, environment)
        return environment | self.images.variables

    def _value_from(self, container: Document, source: Document) -> str | None:
        if "fieldRef" in source:
            return field(self.pod, source["fieldRef"]["fieldPath"])
        if "resourceFieldRef" in source:
            kind, _, resource = source["resourceFieldRef"]["resource"].partition(".")
            divisor = quantity(source["resourceFieldRef"].get("divisor", "1")) or 1
            return str(math.ceil(quantity(container["resources"][kind][resource]) / divisor))
        reference = source.get("secretKeyRef") or source["configMapKeyRef"]
        kind = "secret" if "secretKeyRef" in source else "configmap"
        data = self.lab.get(kind, reference["name"], self.namespace).get("data", {})
        if reference["key"] not in data:
            if reference.get("optional"):
                return None
            raise LabError(f"{self.name}: no {kind} {reference['name']} with {reference['key']}")
        text: str = data[reference["key"]]
        return base64.b64decode(text).decode() if kind == "secret" else text

    # What the kubelet asks and tells.

    def process(self, container: str) -> int:
        """The first process of a container; 0 when it does not run."""
        started = self.running.get(container)
        return first_child(first_child(started.pid)) if started else 0

    def is_ready(self, container: Document) -> bool:
        """Its readiness probe, asked once."""
        process, probe = self.process(container["name"]), container.get("readinessProbe", {})
        if not process:
            return False
        if "exec" in probe:
            command = ["nsenter", f"--target={process}", "--mount", "--net", "--pid", *probe["exec"]["command"]]
        elif "httpGet" in probe:
            port = probe["httpGet"]["port"]
            port = next((one["containerPort"] for one in container["ports"] if one.get("name") == port), port)
            url = f"http://{self.pod['status']['podIP']}:{port}{probe['httpGet']['path']}"
            command = self.lab.enter("curl", "--fail", "--silent", "--max-time", "5", url)
        else:
            return True
        with contextlib.suppress(subprocess.TimeoutExpired):
            return subprocess.run(command, capture_output=True, timeout=10).returncode == 0
        return False

    def stop(self, grace_s: float = 0) -> None:
        """SIGTERM, time to end, SIGKILL."""
        self.ended.set()
        for wait_s, number in ((grace_s, signal.SIGTERM), (0, signal.SIGKILL)):
            alive = [one for one in map(self.process, list(self.running)) if one]
            for one in alive:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(one, number)
            end = time.monotonic() + wait_s
            while time.monotonic() < end and any(one.poll() is None for one in self.running.values()):
                time.sleep(0.2)
        self.pause.kill()
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.network, signal.SIGKILL)


def with_paths(text: str, replaced: Mapping[str, str]) -> str:
    """`text` with whole paths of a container (or what is below them) as the paths of this machine."""
    if not replaced:
        return text
    paths = "|".join(map(re.escape, sorted(replaced, key=len, reverse=True)))
    return re.sub(rf"(?<![\w./-])(?:{paths})(?![\w.-])", lambda found: replaced[found[0]], text)


def field(pod: Document, path: str) -> str:
    for part in ("metadata.labels", "metadata.annotations"):
        if path.startswith(f"{part}["):
            return str(pod["metadata"].get(part.split(".")[1], {}).get(path.split("'")[1], ""))
    value: Any = pod
    for part in path.split("."):
        value = value.get(part, "")
    return str(value)


def expand(text: str, environment: dict[str, str]) -> str:
    """$(NAME) of a command or a variable, as the kubelet replaces it."""
    for name, value in environment.items():
        text = text.replace(f"$({name})", value)
    return text

"""The kubelet of nodes whose pods are real processes (real_pods.py)."""

import json
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from control_plane import Document, Lab, wait_until
from real_pods import Images, RealPod

# Longer than a Ray pod needs to end; answers that take minutes are other tests'.
GRACE_S_MAX = 5


def real_node(name: str = "real", *, cpus: int, gib: int, labels: Mapping[str, str] | None = None,
              resources: Mapping[str, str] | None = None, taints: Sequence[Document] = ()) -> Document:
    """As large as it says, whatever this machine is."""
    capacity = {"cpu": str(cpus), "memory": f"{gib}Gi", "pods": "50", "ephemeral-storage": "100Gi",
                **(resources or {})}
    return {"apiVersion": "v1", "kind": "Node",
            "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux",
                                                  **(labels or {})}},
            "spec": {"taints": list(taints)},
            "status": {"capacity": capacity, "allocatable": capacity}}


class Kubelet:
    """The nodes are there, ready and the only ones with room, while this is open."""

    def __init__(self, lab: Lab, images: Images, *nodes: Document) -> None:
        self.lab, self.images = lab, images
        self.nodes = {one["metadata"]["name"] for one in nodes}
        self.pods: dict[str, RealPod] = {}
        self._told: dict[str, str] = {}
        self._closing = threading.Event()
        self._addresses = iter(range(2, 250))
        lab.kubectl("cordon", "--selector=lab=static")
        for node in nodes:
            name = node["metadata"]["name"]
            lab.apply([{key: value for key, value in node.items() if key != "status"}])
            ready = {"conditions": [condition("Ready", True, "KubeletReady")]}
            self._patch("node", name, "", node["status"] | ready)
            wait_until(lambda: not any(one["key"].startswith("node.kubernetes.io/")
                                       for one in lab.get("node", name)["spec"].get("taints", [])), 30,
                       f"{name} takes pods")
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _patch(self, kind: str, name: str, namespace: str, status: Document) -> None:
        self.lab.kubectl("patch", kind, name, *([f"--namespace={namespace}"] if namespace else []),
                         "--subresource=status", "--type=merge", f"--patch={json.dumps({'status': status})}")

    def _watch(self) -> None:
        while not self._closing.wait(1):
            try:
                self._look()
            except Exception:  # a pod may go while it is looked at; the next look sees what is true
                traceback.print_exc()

    def _look(self) -> None:
        listed = json.loads(self.lab.kubectl("get", "pod", "--all-namespaces", "--output=json"))["items"]
        found = {one["metadata"]["uid"]: one for one in listed if one["spec"].get("nodeName") in self.nodes}
        leaving = {uid: pod for uid, pod in found.items() if "deletionTimestamp" in pod["metadata"]}
        for uid in found.keys() - self.pods.keys() - leaving.keys():
            self.pods[uid] = RealPod(self.lab, self.images, found[uid], f"10.244.1.{next(self._addresses)}")
        for uid in self.pods.keys() - found.keys():  # deleted by force
            self.pods.pop(uid).stop()
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda item: self._remove(*item), leaving.items()))
            list(pool.map(self._tell, list(self.pods.items())))

    def _remove(self, uid: str, pod: Document) -> None:
        if uid in self.pods:
            self.pods.pop(uid).stop(min(GRACE_S_MAX, pod["metadata"]["deletionGracePeriodSeconds"]))
        self.lab.kubectl("delete", "pod", pod["metadata"]["name"], "--force", "--grace-period=0",
                         f"--namespace={pod['metadata']['namespace']}", "--ignore-not-found")

    def _tell(self, item: tuple[str, RealPod]) -> None:
        """Writes the pod's status when it is another than before."""
        uid, pod = item
        containers = [{"name": one["name"], "image": one["image"], "imageID": "lab", "started": True,
                       "ready": pod.is_ready(one), "restartCount": max(0, pod.starts.get(one["name"], 0) - 1),
                       "state": {"running": {}}} for one in pod.pod["spec"]["containers"]]
        ready = all(one["ready"] for one in containers)
        status = {"phase": "Running", "podIP": pod.pod["status"]["podIP"], "hostIP": "10.77.0.1",
                  "podIPs": [{"ip": pod.pod["status"]["podIP"]}], "containerStatuses": containers,
                  "conditions": [condition(name, ready) for name in ("Ready", "ContainersReady")]
                  + [condition(name, True) for name in ("Initialized", "PodScheduled")]}
        told = json.dumps([containers, ready])
        if self._told.get(uid) != told:
            self._patch("pod", pod.name, pod.namespace, status)
            self._told[uid] = told

    def close(self) -> None:
        self._closing.set()
        self._thread.join(60)
        for pod in self.pods.values():
            pod.stop()
        self.lab.kubectl("delete", "node", *self.nodes)
        self.lab.kubectl("uncordon", "--selector=lab=static")


def condition(name: str, holds: bool, reason: str = "") -> Document:
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return {"type": name, "status": str(holds), "reason": reason, "lastTransitionTime": now}

"""What the real API server, operator and scheduler say: every overlay is right, the seed's mistakes are not."""

import os
import re
import subprocess
from typing import Any

import pytest
from control_plane import Document, Lab, wait_until
from overlays import DEPLOY, ROOT, kustomize, with_components

OVERLAYS = sorted(path.name for path in (DEPLOY / "overlays").iterdir())
SEED_PORTS = {"client": 10001, "serve": 8000, "metrics": 8080, "gcs": 6379, "dashboard": 8265}


def ray_service(overlay: str = "llama2-13b-inf2") -> Document:
    return next(one for one in kustomize(DEPLOY / "overlays" / overlay) if one["kind"] == "RayService")


def worker_pod(name: str, **spec: Any) -> Document:
    """A pod like the seed's worker."""
    template = ray_service()["spec"]["rayClusterConfig"]["workerGroupSpecs"][0]["template"]
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "llama2"},
           "spec": {**template["spec"], **spec}}
    pod["spec"]["volumes"] = [{"name": one["name"], "emptyDir": {}} if "ephemeral" in one else one
                              for one in pod["spec"]["volumes"]]
    return pod


@pytest.fixture
def namespaces(lab):
    lab.apply([one for one in kustomize(DEPLOY / "overlays/demo")
               if one["kind"] in ("Namespace", "PriorityClass")])


def pods_of(lab: Lab) -> dict[str, Document]:
    """The pods of the group names of Ray, and Gradio's, that have a node."""
    found = [*lab.get("pod"), *lab.get("pod", "", "gradio-llama2-inf2")]
    return {one["metadata"]["labels"].get("ray.io/group", "gradio"): one for one in found
            if one["spec"].get("nodeName") and one["status"]["phase"] == "Running"}


def remove(lab: Lab, objects: list[Document]) -> None:
    lab.kubectl("delete", "rayservice", "--all", "--namespace=llama2", "--wait=false")
    lab.kubectl("delete", "deployment", "--all", "--namespace=gradio-llama2-inf2", "--wait=false")
    names = [f"{one['kind']}.{one['apiVersion'].split('/')[0]}/{one['metadata']['name']}" for one in objects
             if one["kind"] in ("Ingress", "NodePool", "EC2NodeClass")]
    if names:
        lab.kubectl("delete", *names, "--namespace=llama2", "--wait=false", "--ignore-not-found")
    wait_until(lambda: not [*lab.get("pod"), *lab.get("raycluster")], 60, "everything is removed")


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_an_overlay_is_accepted_built_by_the_operator_and_bound_to_its_nodes(lab, namespaces, overlay):
    objects = kustomize(DEPLOY / "overlays" / overlay)
    assert lab.refusal(objects) == ""
    lab.apply(objects)
    try:
        hardware = next((one for one in ("cpu", "inf2", "gpu") if one in overlay.split("-")), "workers")
        groups = {"headgroup", hardware, "gradio"}
        bound = wait_until(lambda: pods if groups <= (pods := pods_of(lab)).keys() else None, 60,
                           lambda: f"{groups} run: {lab.events('llama2')}")
        kinds = {one["metadata"]["name"]: one["metadata"]["labels"]["instanceType"]
                 for one in lab.get("node")}
        if overlay != "demo":
            assert kinds[bound["headgroup"]["spec"]["nodeName"]] == "mixed-x86"
            expected = {"cpu": "mixed-x86", "inf2": "inferentia-inf2", "gpu": "gpu"}[hardware]
            assert kinds[bound[hardware]["spec"]["nodeName"]] == expected
        (cluster,) = lab.get("raycluster")
        name = cluster["metadata"]["name"]
        assert re.fullmatch("llama2-[a-z0-9]{5}", name) or name.startswith("llama2-raycluster-")
        # The head's own Service, and the stable one of the seed with its ports.
        for service in (f"{name}-head-svc", "llama2"):
            ports = {one["name"]: one["port"] for one in lab.get("service", service)["spec"]["ports"]}
            assert ports.items() >= SEED_PORTS.items(), service
        if overlay == "llama2-13b-inf2":
            wait_until(lambda: lab.get("raycluster", name)["status"].get("desiredCPU"), 20, "the cluster's sums")
            status = lab.get("raycluster", name)["status"]
            assert (status["desiredCPU"], status["desiredMemory"]) == ("184", "704565270Ki")
    finally:
        remove(lab, objects)


@pytest.mark.parametrize("components", [["ingress"], ["gateway"], ["ingress", "public"], ["gateway", "public"],
                                        ["monitoring"], ["shared-models"]], ids="+".join)
def test_components_are_accepted(lab, namespaces, tmp_path, components):
    assert lab.refusal(with_components(tmp_path / "x", "llama2-13b-inf2", *components)) == ""


@pytest.mark.parametrize(("shape", "machines", "users"), [
    ("llama-2-7b", "cpu", "3"), ("llama-2-13b", "gpu", "150"), ("llama-2-13b", "inf2", "400"), ("llama-2-70b", "inf2", "5")])
def test_what_puna_plan_writes_is_accepted(lab, namespaces, tmp_path, shape, machines, users):
    binary = os.environ.get("PUNA_BINARY", str(ROOT / "build/release/bin/puna"))
    subprocess.run([binary, "plan", "--shape", shape, "--on", machines, "--users", users, "--write", tmp_path / "x"],
                   check=True, cwd=ROOT, capture_output=True)
    assert lab.refusal(kustomize(tmp_path / "x")) == ""


def test_the_variant_without_ray_is_accepted_and_gets_its_pod(lab, namespaces):
    objects = kustomize(DEPLOY / "plain")
    assert lab.refusal(objects) == ""
    lab.apply(objects)
    try:
        wait_until(lambda: [one for one in lab.get("pod") if one["status"]["phase"] == "Running"], 30,
                   lambda: f"a pod: {lab.events('llama2')}")
        assert lab.get("endpoints", "llama2")["subsets"][0]["ports"][0]["port"] == 8000
    finally:
        lab.kubectl("delete", "deployment,pdb,pvc,service", "--all", "--namespace=llama2")


# The seed's own mistakes (and what its page says), each refused or shown to lead nowhere.

def changed(path: str, value: Any) -> Document:
    """The RayService of the seed's hardware with one field set."""
    service = ray_service()
    *parents, last = path.split(".")
    where: Any = service
    for part in parents:
        where = where[int(part)] if isinstance(where, list) else where[part]
    where[last] = value
    return service


HEAD = "spec.rayClusterConfig.headGroupSpec"
WORKER = "spec.rayClusterConfig.workerGroupSpecs.0"
NAMED = {"metadata": {"name": "llama2"}}


@pytest.mark.parametrize(("path", "value", "words"), [
    (f"{WORKER}.template.schedulerName", "my-scheduler", "schedulerName"),
    ("spec.headService", NAMED, "headService"),
    (f"{HEAD}.rayStartParams.num-cpus", 0, "num-cpus"),
    ("spec.serveConfig", {}, "serveConfig"),
    ("metadata.name", "Llama-2", "Invalid value"),
    ("metadata.namespace", "Llama-2", "Llama-2"),
], ids=["scheduler beside spec (the seed)", "headService at the wrong place", "number in rayStartParams",
        "serveConfig of version 1", "name with capitals (the seed's page)", "namespace with capitals"])
def test_the_api_server_refuses(lab, namespaces, path, value, words):
    assert words in lab.refusal([changed(path, value)])


@pytest.mark.parametrize(("path", "value", "words"), [
    (f"{HEAD}.headService", NAMED, "InvalidRayServiceSpec"),
    ("metadata.name", "llama2-" + 50 * "x", "InvalidRayServiceMetadata"),
], ids=["headService with a name (the seed)", "a name that is too long"])
def test_the_operator_refuses_with_an_event_and_makes_nothing(lab, namespaces, path, value, words):
    service = changed(path, value)
    name = service["metadata"]["name"]
    lab.apply([service])
    try:
        wait_until(lambda: words in lab.events(name), 20, lambda: f"{words}: {lab.events(name)}")
        assert lab.get("raycluster") == [] and lab.get("pod") == []
    finally:
        remove(lab, [])


def test_the_seeds_pods_break_the_restricted_standard_and_the_operator_says_which_field(lab, namespaces):
    objects = kustomize(DEPLOY / "overlays/llama2-13b-inf2")
    service = next(one for one in objects if one["kind"] == "RayService")
    del service["spec"]["rayClusterConfig"]["headGroupSpec"]["template"]["spec"]["securityContext"]
    lab.apply(objects)
    try:
        wait_until(lambda: "FailedToCreateHeadPod" in lab.events("llama2"), 20, lambda: lab.events("llama2"))
        assert "runAsNonRoot" in lab.events("llama2")
    finally:
        remove(lab, objects)


def test_more_chips_than_any_node_has_leave_a_pod_pending_with_the_reason(lab, namespaces):
    pod = worker_pod("too-big")
    for bound in ("requests", "limits"):
        pod["spec"]["containers"][0]["resources"][bound]["aws.amazon.com/neuron"] = "16"
    lab.apply([pod])
    try:
        wait_until(lambda: "FailedScheduling" in lab.events("too-big"), 20, "an event")
        assert "Insufficient aws.amazon.com/neuron" in lab.events("too-big")
    finally:
        lab.kubectl("delete", "pod", "too-big", "--namespace=llama2", "--force")


def test_a_scheduler_that_is_not_there_leaves_a_pod_pending_without_a_word(lab, namespaces):
    lab.apply([worker_pod("forgotten", schedulerName="my-scheduler")])
    try:
        lab.run("sleep", "5")
        assert lab.get("pod", "forgotten")["status"]["phase"] == "Pending"
        assert lab.events("forgotten") == ""
    finally:
        lab.kubectl("delete", "pod", "forgotten", "--namespace=llama2", "--force")


def test_a_worker_that_tolerates_nothing_is_kept_off_the_neuron_nodes(lab, namespaces):
    lab.apply([worker_pod("intolerant", tolerations=[])])
    try:
        wait_until(lambda: "FailedScheduling" in lab.events("intolerant"), 20, "an event")
        assert "untolerated taint" in lab.events("intolerant")
    finally:
        lab.kubectl("delete", "pod", "intolerant", "--namespace=llama2", "--force")

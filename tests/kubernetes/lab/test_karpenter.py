"""The overlays' node pools with the real Karpenter: machines come for pods and go without them."""

import json

import pytest
from control_plane import Lab, wait_until
from made_up_nodes import instance_types
from overlays import DEPLOY, kustomize
from test_verdicts import remove, worker_pod

EMPTY_NODE_S = 10


@pytest.fixture
def karpenter(lab):
    """Karpenter with machines that kwok makes, and no other nodes to go to."""
    lab.kubectl("cordon", "--selector=lab=static")
    (lab.folder / "instance-types.json").write_text(json.dumps(instance_types()))
    lab.start("karpenter", "karpenter-kwok", f"--instance-types-file-path={lab.folder}/instance-types.json",
              environment={"SYSTEM_NAMESPACE": "kube-system", "DISABLE_LEADER_ELECTION": "true",
                           "METRICS_PORT": "18090", "HEALTH_PROBE_PORT": "18091", "CLUSTER_NAME": "lab",
                           "BATCH_IDLE_DURATION": "1s", "BATCH_MAX_DURATION": "3s"},
              ready="http://127.0.0.1:18091/readyz")
    objects = kustomize(DEPLOY / "overlays/llama2-13b-inf2")
    pools = [one for one in objects if one["kind"] == "NodePool"]
    # The overlay's pools, but for machines of another maker and less patience.
    for pool in pools:
        pool["spec"]["template"]["spec"]["nodeClassRef"] = {
            "group": "karpenter.kwok.sh", "kind": "KWOKNodeClass", "name": "default"}
        assert pool["spec"]["disruption"] == {"consolidationPolicy": "WhenEmpty", "consolidateAfter": "300s"}
        pool["spec"]["disruption"]["consolidateAfter"] = f"{EMPTY_NODE_S}s"
    lab.apply([{"apiVersion": "karpenter.kwok.sh/v1alpha1", "kind": "KWOKNodeClass",
                "metadata": {"name": "default"}}, *pools])
    yield [one for one in objects if one["kind"] not in ("NodePool", "EC2NodeClass")]
    lab.kubectl("delete", "pod", "--all", "--namespace=llama2", "--force")
    remove(lab, [])
    lab.kubectl("delete", "nodepool", "--all", "--timeout=60s")
    lab.stop("karpenter")
    lab.kubectl("uncordon", "--selector=lab=static")


def claims(lab: Lab) -> list[tuple[str, str]]:
    """(pool, instance type) of every machine that Karpenter has."""
    return sorted((one["metadata"]["labels"]["karpenter.sh/nodepool"],
                   one["metadata"]["labels"].get("node.kubernetes.io/instance-type", ""))
                  for one in lab.get("nodeclaim"))


def test_the_head_gets_an_x86_machine_and_the_worker_an_inf2_which_go_when_they_are_empty(lab, karpenter):
    lab.apply(karpenter)
    wait_until(lambda: [pool for pool, _ in claims(lab)].count("inferentia-inf2") == 1 and
               sum(one["status"]["phase"] == "Running" for one in lab.get("pod")) == 2, 60,
               lambda: f"two machines: {claims(lab)} {lab.events('llama2')}")
    types = dict(claims(lab))
    assert types["inferentia-inf2"] == "inf2.48xlarge"
    assert types["default"].split(".")[0] in ("c5", "m5", "r5")
    lab.kubectl("delete", "rayservice", "llama2", "--namespace=llama2")
    lab.kubectl("delete", "deployment", "--all", "--namespace=gradio-llama2-inf2")
    wait_until(lambda: claims(lab) == [], 90, lambda: f"machines go: {claims(lab)}")


def test_a_pool_of_1000_cpus_has_room_for_five_of_the_largest_and_says_so_to_the_sixth(lab, karpenter):
    lab.apply([one for one in karpenter if one["kind"] in ("Namespace", "PriorityClass", "ConfigMap")])
    lab.apply([worker_pod(f"worker-{number}") for number in range(5)])
    wait_until(lambda: claims(lab) == [("inferentia-inf2", "inf2.48xlarge")] * 5, 60,
               lambda: f"five machines: {claims(lab)}")
    # Pods that come at once may be counted too late: the limit is for what is there.
    wait_until(lambda: sum(one["status"]["phase"] == "Running" for one in lab.get("pod")) == 5, 60, "five pods")
    lab.apply([worker_pod("sixth")])
    wait_until(lambda: "no instance type has enough resources" in lab.events("sixth"), 30,
               lambda: f"the reason: {lab.events('sixth')}")
    assert len(claims(lab)) == 5 and lab.get("pod", "sixth")["status"]["phase"] == "Pending"

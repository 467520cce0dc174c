"""Machines that kwok plays: nodes, volumes for their pods, and the instance types that Karpenter knows."""

from typing import Any

Document = dict[str, Any]
NEURON_TAINTS = [{"key": "aws.amazon.com/neuron", "value": "true", "effect": "NoSchedule"},
                 {"key": "hub.jupyter.org/dedicated", "value": "user", "effect": "NoSchedule"}]
X86_LABELS = {"instanceType": "mixed-x86", "workload": "rayhead"}
INF2_LABELS = {"instanceType": "inferentia-inf2"}
# Name: virtual CPUs, GiB, price an hour, Neuron chips.
INSTANCES = {"m5.xlarge": (4, 16, .192, 0), "m5.2xlarge": (8, 32, .384, 0), "c5.4xlarge": (16, 32, .68, 0),
             "r5.4xlarge": (16, 128, 1.0, 0), "r5.24xlarge": (96, 768, 6.05, 0),
             "inf2.xlarge": (4, 16, .76, 1), "inf2.8xlarge": (32, 128, 1.97, 1),
             "inf2.24xlarge": (96, 384, 6.49, 6), "inf2.48xlarge": (192, 768, 12.98, 12)}


def neuron_resources(chips: int) -> dict[str, str]:
    """What the device plugin announces: two cores a chip."""
    return {"aws.amazon.com/neuron": str(chips), "aws.amazon.com/neuroncore": str(2 * chips)} if chips else {}


def node(name: str, instance: str, labels: dict[str, str], taints: list[Document] | None = None,
         **resources: str) -> Document:
    cpus, gib, _, chips = INSTANCES[instance]
    capacity = {"cpu": str(cpus), "memory": f"{gib}Gi", "pods": "110", "ephemeral-storage": "500Gi",
                **neuron_resources(chips), **resources}
    return {"apiVersion": "v1", "kind": "Node",
            "metadata": {"name": name, "annotations": {"kwok.x-k8s.io/node": "fake"},
                         "labels": {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux",
                                    "kubernetes.io/arch": "amd64", "provisionerType": "Karpenter",
                                    "topology.kubernetes.io/zone": "us-west-2a", "lab": "static",
                                    "node.kubernetes.io/instance-type": instance, **labels}},
            "spec": {"taints": taints or []},
            "status": {"capacity": capacity, "allocatable": capacity}}


def nodes() -> list[Document]:
    """Room for every overlay: the seed's two pools, and one node with GPUs."""
    gpu = {"nvidia.com/gpu": "4"}
    return [node("x86-1", "m5.2xlarge", X86_LABELS), node("x86-2", "r5.24xlarge", X86_LABELS),
            node("inf2-1", "inf2.8xlarge", INF2_LABELS, NEURON_TAINTS),
            node("inf2-2", "inf2.48xlarge", INF2_LABELS, NEURON_TAINTS),
            node("gpu-1", "r5.24xlarge", {"instanceType": "gpu"},
                 [{"key": "nvidia.com/gpu", "value": "true", "effect": "NoSchedule"}], **gpu)]


def volumes(count: int) -> list[Document]:
    """A default storage class, and volumes that claims of workers are bound to; each serves one."""
    storage = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
               "metadata": {"name": "lab", "annotations": {
                   "storageclass.kubernetes.io/is-default-class": "true"}},
               "provisioner": "kubernetes.io/no-provisioner", "volumeBindingMode": "WaitForFirstConsumer"}
    return [storage, *({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": f"lab-{number}"},
                        "spec": {"capacity": {"storage": "500Gi"}, "accessModes": ["ReadWriteOnce", "ReadWriteMany"],
                                 "storageClassName": "lab", "hostPath": {"path": f"/lab/{number}"}}}
                       for number in range(count))]


def instance_types() -> list[Document]:
    """For Karpenter's kwok provider, with the labels of its AWS provider."""
    found = []
    for name, (cpus, gib, price, chips) in INSTANCES.items():
        family, size = name.split(".")
        capacity_types = {"on-demand": price} if chips else {"on-demand": price, "spot": price * .4}
        labels = {"karpenter.k8s.aws/instance-family": family, "karpenter.k8s.aws/instance-size": size,
                  "karpenter.k8s.aws/instance-cpu": str(cpus)}
        offerings = [{"Price": one_price, "Available": True, "Requirements": [
            {"key": key, "operator": "In", "values": [value]} for key, value in {
                "karpenter.sh/capacity-type": capacity_type, "topology.kubernetes.io/zone": zone,
                **labels}.items()]}
            for capacity_type, one_price in capacity_types.items() for zone in ("us-west-2a", "us-west-2b")]
        found.append({"name": name, "architecture": "amd64", "operatingSystems": ["linux"],
                      "offerings": offerings, "resources": {
                          "cpu": str(cpus), "memory": f"{gib}Gi", "pods": "110",
                          "ephemeral-storage": "500Gi", **neuron_resources(chips)}})
    return found

"""A double of the AWS load balancer controller, whose module no registry serves: for each Service of its class a network
load balancer with target group and security groups as the real one makes and tags them, and away again by its finalizer."""

import json
import threading
import traceback
from typing import Any

CLASS, FINALIZER = "service.k8s.aws/nlb", "service.k8s.aws/resources"
SCHEME = "service.beta.kubernetes.io/aws-load-balancer-scheme"
TAG = "Key=elbv2.k8s.aws/cluster,Value=llama2"
GROUPS = ("k8s-ingressn-ingressn", "k8s-traffic-llama2")
# Definitions of lock.json, as empty as the API server lets them be.
KINDS = {"albtargetcontrolconfigs": "ALBTargetControlConfig", "ingressclassparams": "IngressClassParams",
         "targetgroupbindings": "TargetGroupBinding"}


def definition(path: str) -> str:
    """A stand-in for a definition of the controller, by its path in lock.json."""
    plural = path.rpartition("elbv2.k8s.aws_")[2].removesuffix(".yaml")
    return json.dumps({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.elbv2.k8s.aws"},
        "spec": {"group": "elbv2.k8s.aws", "scope": "Namespaced",
                 "names": {"plural": plural, "singular": plural[:-1], "kind": KINDS[plural]},
                 "versions": [{"name": "v1beta1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {
                     "type": "object", "x-kubernetes-preserve-unknown-fields": True}}}]}})


class LoadBalancers:
    """The controller works as long as the block lasts."""

    def __init__(self, lab: Any) -> None:
        self.lab = lab
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "LoadBalancers":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(60)

    def _watch(self) -> None:
        while not self._ended.wait(0.5):
            try:
                for one in self.lab.get("service", "", "ingress-nginx"):
                    self._look_at(one)
            except Exception:  # the next look sees what is true
                traceback.print_exc()

    def _look_at(self, service: dict[str, Any]) -> None:
        meta = service["metadata"]
        if service["spec"].get("loadBalancerClass") != CLASS:
            return
        mine = FINALIZER in meta.get("finalizers", [])
        if "deletionTimestamp" in meta and mine:
            remove(self.lab)
            self._patch(meta, {"metadata": {"finalizers": None}})
        elif "deletionTimestamp" not in meta and not mine:
            name = make(self.lab, meta["annotations"][SCHEME])
            self._patch(meta, {"metadata": {"finalizers": [FINALIZER]}})
            self._patch(meta, {"status": {"loadBalancer": {"ingress": [{"hostname": name}]}}}, "--subresource=status")

    def _patch(self, meta: dict[str, Any], change: dict[str, Any], *options: str) -> None:
        self.lab.kubectl("patch", "service", meta["name"], f"--namespace={meta['namespace']}", "--type=merge", *options,
                         f"--patch={json.dumps(change)}")


def cluster_group(lab: Any) -> str:
    """The security group of the nodes, which EKS has made."""
    found = lab.aws("ec2", "describe-security-groups", "--query", "SecurityGroups[?starts_with(GroupName, 'eks-cluster-sg-')]")
    return str(found[0]["GroupId"])


def make(lab: Any, scheme: str) -> str:
    """Its address."""
    role = "internal-elb" if scheme == "internal" else "elb"
    subnets = lab.aws("ec2", "describe-subnets", "--query", f"Subnets[?Tags[?Key=='kubernetes.io/role/{role}']]")
    vpc = subnets[0]["VpcId"]
    for name in GROUPS:
        group = lab.aws("ec2", "create-security-group", "--group-name", name, "--description", "x", "--vpc-id", vpc)["GroupId"]
        lab.run("aws", "ec2", "create-tags", "--resources", group, "--tags", TAG)
    # The nodes let the last of them in.
    lab.aws("ec2", "authorize-security-group-ingress", "--group-id", cluster_group(lab), "--ip-permissions", json.dumps(
        [{"IpProtocol": "tcp", "FromPort": 80, "ToPort": 10254, "UserIdGroupPairs": [{"GroupId": group}]}]))
    lab.aws("elbv2", "create-target-group", "--name", "k8s-ingressn-ingressn", "--protocol", "TCP", "--port", "80",
            "--vpc-id", vpc, "--target-type", "ip", "--tags", TAG)
    made = lab.aws("elbv2", "create-load-balancer", "--name", "k8s-ingressn-ingressn", "--type", "network", "--scheme", scheme,
                   "--subnets", *(one["SubnetId"] for one in subnets), "--tags", TAG)
    return str(made["LoadBalancers"][0]["DNSName"])


def remove(lab: Any) -> None:
    for arn in lab.aws("elbv2", "describe-load-balancers", "--names", "k8s-ingressn-ingressn",
                       "--query", "LoadBalancers[].LoadBalancerArn"):
        lab.run("aws", "elbv2", "delete-load-balancer", "--load-balancer-arn", arn)
    for arn in lab.aws("elbv2", "describe-target-groups", "--names", "k8s-ingressn-ingressn",
                       "--query", "TargetGroups[].TargetGroupArn"):
        lab.run("aws", "elbv2", "delete-target-group", "--target-group-arn", arn)
    nodes = cluster_group(lab)
    rules = lab.aws("ec2", "describe-security-groups", "--group-ids", nodes, "--query",
                    "SecurityGroups[0].IpPermissions[?ToPort == `10254`].{IpProtocol: IpProtocol, FromPort: FromPort, "
                    "ToPort: ToPort, UserIdGroupPairs: UserIdGroupPairs[].{GroupId: GroupId}}")
    if rules:
        lab.aws("ec2", "revoke-security-group-ingress", "--group-id", nodes, "--ip-permissions", json.dumps(rules))
    for group in lab.aws("ec2", "describe-security-groups", "--query",
                         f"SecurityGroups[?contains({list(GROUPS)}, GroupName)].GroupId"):
        lab.run("aws", "ec2", "delete-security-group", "--group-id", group)

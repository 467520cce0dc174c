"""A world without processes for install and cleanup: Terraform, aws and kubectl as one object that keeps what was made.

Each call that changes something has a number: it can fail once, or be stopped by a signal, before or after its effect.
"""

import base64
import contextlib
import json
import os
import pathlib
import signal
from collections.abc import Iterator
from typing import IO, Any

from puna.ground.commands import Commands, Done, Interrupted
from puna.ground.place import Place
from puna.ground.removal import SIMPLE

NAME, ACCOUNT = "llama2", "111122223333"
OURS = [{"Key": "puna-ground", "Value": NAME}]
OWNED = [{"Key": f"kubernetes.io/cluster/{NAME}", "Value": "owned"}]
POOL = [*OWNED, {"Key": "karpenter.sh/nodepool", "Value": "inferentia-inf2"}]
# What lists a kind: the answer's field, the id's name.
LISTS = {
    ("ec2", "describe-vpcs"): ("Vpcs", "VpcId"), ("ec2", "describe-subnets"): ("Subnets", "SubnetId"),
    ("ec2", "describe-volumes"): ("Volumes", "VolumeId"),
    ("ec2", "describe-nat-gateways"): ("NatGateways", "NatGatewayId"),
    ("ec2", "describe-vpc-endpoints"): ("VpcEndpoints", "VpcEndpointId"),
    ("ec2", "describe-addresses"): ("Addresses", "AllocationId"),
    ("ec2", "describe-route-tables"): ("RouteTables", "RouteTableId"),
    ("ec2", "describe-internet-gateways"): ("InternetGateways", "InternetGatewayId"),
    ("ec2", "describe-security-groups"): ("SecurityGroups", "GroupId"),
    ("ec2", "describe-launch-templates"): ("LaunchTemplates", "LaunchTemplateId"),
    ("ec2", "describe-network-interfaces"): ("NetworkInterfaces", "NetworkInterfaceId"),
    ("elbv2", "describe-load-balancers"): ("LoadBalancers", "LoadBalancerArn"),
    ("elbv2", "describe-target-groups"): ("TargetGroups", "TargetGroupArn"),
    ("elb", "describe-load-balancers"): ("LoadBalancerDescriptions", "LoadBalancerName"),
    ("iam", "list-policies"): ("Policies", "Arn"),
    ("iam", "list-roles"): ("Roles", "RoleName"), ("events", "list-rules"): ("Rules", "Name"),
    ("ecr", "describe-repositories"): ("repositories", "repositoryName"),
    ("logs", "describe-log-groups"): ("logGroups", "logGroupName"), ("s3api", "list-buckets"): ("Buckets", "Name"),
}
DELETES = {(service, operation): option for service, operation, option in SIMPLE.values()}
MADE_BY = {  # layer: (list, document)
    "network": [("describe-vpcs", {"VpcId": "vpc-1", "Tags": OURS}), ("describe-subnets", {"SubnetId": "subnet-1", "Tags": OURS}),
                ("describe-nat-gateways", {"NatGatewayId": "nat-1", "State": "available", "Tags": OURS})],
    "cluster": [("clusters", {"name": NAME, "status": "ACTIVE", "tags": {"puna-ground": NAME}}),
                ("describe-log-groups", {"logGroupName": f"/aws/eks/{NAME}/cluster"})],
    "rest": [("nodegroups", {"name": "system"}), ("describe-repositories", {
        "repositoryName": f"{NAME}/puna", "repositoryArn": "arn:repository", "tags": OURS})],
}
OUTPUTS = {"registry": "111122223333.dkr.ecr.us-west-2.amazonaws.com/llama2", "interruption_queue": "karpenter-llama2",
           "node_instance_profile": "karpenter-llama2", "account_id": ACCOUNT, "vpc_id": "vpc-1"}
FAILURE = "Error: creating it: api error LimitExceeded: limit of made-up things"


class World(Commands):
    def __init__(self, place: Place) -> None:
        self.said: list[str] = []
        super().__init__(place.logs, {"PATH": "/nowhere", "TF": "true"}, self.said.append)
        self.place = place
        self.things: dict[str, list[dict[str, Any]]] = {}
        self.calls: list[str] = []  # that change something
        self.asked: list[str] = []
        self.fails_at, self.stops_at, self.words, self.effect_first = -1, -1, FAILURE, False
        self.refusals: dict[str, str] = {}  # part of a question: AWS's words
        self.reachable = self.controllers_live = True
        self.account, self.quota, self.images = ACCOUNT, 192.0, True
        # What Ray Serve says of the application, one after the other, and where a port-forward leads to.
        self.statuses: list[tuple[str, str]] = [("RUNNING", "")]
        self.port, self.key = 0, ""
        self.versions = {"tofu": "1.12.6", "aws": "2.31.0", "kubectl": "1.34.1"}

    def pause(self, seconds: float) -> None:
        self.time_passes()

    def time_passes(self) -> None:
        """What AWS does by itself meanwhile."""
        for name in ("describe-nat-gateways", "instances"):
            self.things[name] = [one for one in self.things.get(name, []) if not one.get("going")]

    # The two doors.

    def run(self, stage: str, *command: str, stdin: str = "", limit_s: float = 0) -> Done:
        if self.dry_run:
            return super().run(stage, *command)
        number = len(self.calls)
        self.calls.append(" ".join(command))
        if not self.effect_first and number == self.fails_at:
            return Done(1, self.words)
        if not self.effect_first and number == self.stops_at:
            raise Interrupted(signal.SIGTERM)
        done = self.answer(*command)
        if number == self.fails_at:
            return Done(1, self.words)
        if number == self.stops_at:
            raise Interrupted(signal.SIGTERM)
        return done

    def ask(self, *command: str, stdin: str = "", limit_s: float = 60) -> Done:
        self.asked.append(" ".join(command))
        return self.answer(*command)

    @contextlib.contextmanager
    def beside(self, *command: str) -> Iterator[IO[bytes]]:
        self.asked.append(" ".join(command))
        reading, writing = os.pipe()
        words = f"Forwarding from 127.0.0.1:{self.port} -> 8000\n" if self.port else "error: unable to forward port: no pod\n"
        os.write(writing, words.encode())
        os.close(writing)
        with open(reading, "rb") as output:
            yield output

    def answer(self, *command: str) -> Done:
        words = " ".join(command)
        for part, refusal in self.refusals.items():
            if part in words:
                return Done(255, refusal, errors=refusal)
        tool, *arguments = command
        output = {"aws": self.aws, "kubectl": self.kubectl}.get(tool, self.terraform)(*arguments)
        if isinstance(output, Done):
            return output
        return Done(0, output if isinstance(output, str) else json.dumps(output))

    # Terraform.

    def terraform(self, *arguments: str) -> Any:
        what, *rest = [one for one in arguments if not one.startswith("-chdir")]
        if what == "version":
            return {"terraform_version": self.versions["tofu"]}
        if what == "output":
            return {key: {"value": value} for key, value in OUTPUTS.items()} if "rest" in self.layers() else {}
        if what == "state":
            return "\n".join(f"module.{one}.x" for one in self.layers())
        target = next((one.partition("=module.")[2] for one in rest if one.startswith("-target")), "")
        if what == "apply":
            wanted = {"network": ["network"], "cluster": ["network", "cluster"]}.get(target, list(MADE_BY))
            for layer in wanted:
                if layer not in self.layers():
                    for name, one in MADE_BY[layer]:
                        self.things.setdefault(name, []).append({**one, "layer": layer})
        elif what == "destroy":
            return self.destroy(target)
        self.write_state()
        return "Apply complete!"

    def destroy(self, target: str) -> Any:
        layers = {"cluster": ["rest", "cluster"], "registry": [], "storage": []}.get(target, list(MADE_BY))
        if "network" in layers and self.things.get("describe-network-interfaces"):
            return Done(1, "Error: deleting EC2 Subnet (subnet-1): DependencyViolation: has dependencies and cannot be deleted")
        for name in self.things:
            self.things[name] = [one for one in self.things[name] if one.get("layer") not in layers]
        self.write_state()
        return "Destroy complete!"

    def layers(self) -> list[str]:
        if not self.place.state.exists():
            return []
        return [one["module"].removeprefix("module.") for one in json.loads(self.place.state.read_text())["resources"]]

    def write_state(self) -> None:
        there = {one["layer"] for many in self.things.values() for one in many if "layer" in one}
        self.place.state.write_text(json.dumps({"resources": [{"module": f"module.{one}"} for one in MADE_BY if one in there]}))

    # AWS.

    def aws(self, *arguments: str) -> Any:
        if arguments[0] == "--version":
            return f"aws-cli/{self.versions['aws']} Python/3"
        service, operation, *rest = arguments
        special = getattr(self, f"aws_{operation.replace('-', '_')}", None)
        if special:
            return special(*rest)
        if (service, operation) in LISTS:
            name = "classic" if service == "elb" else operation
            return {LISTS[service, operation][0]: self.things.get(name, [])}
        if (service, operation) in DELETES:
            return self.remove(rest[rest.index(DELETES[service, operation]) + 1])
        if operation.startswith(("get-", "describe-")):
            return Done(254, "", errors=f"An error occurred (NoSuchEntity) when calling the {operation} operation: not found")
        return {}

    def remove(self, key: str) -> Any:
        gone = [one for many in self.things.values() for one in many if key in one.values()]
        for one in gone:
            if "NatGatewayId" in one or "InstanceId" in one:
                one["going"] = True
                one["State"] = {"Name": "terminated"} if "InstanceId" in one else "deleted"
        slow = [one for one in gone if one.get("going")]
        for name in self.things:
            self.things[name] = [one for one in self.things[name] if key not in one.values() or one in slow]
            if "loadbalancer" in key:
                self.things[name] = [one for one in self.things[name] if one.get("Description") != f"ELB {key}"]
        return "" if gone else Done(254, "", errors="An error occurred (NotFound) when calling: it is not there")

    def aws_get_caller_identity(self, *_: str) -> Any:
        return {"Account": self.account, "Arn": f"arn:aws:iam::{self.account}:user/me"}

    def aws_describe_availability_zones(self, *_: str) -> Any:
        return {"AvailabilityZones": [{"ZoneId": f"usw2-az{one}"} for one in (1, 2, 3, 4)]}

    def aws_describe_instance_type_offerings(self, *_: str) -> Any:
        return {"InstanceTypeOfferings": [{"Location": "usw2-az1"}, {"Location": "usw2-az4"}]}

    def aws_get_service_quota(self, *_: str) -> Any:
        return {"Quota": {"Value": self.quota}}

    def aws_describe_cluster_versions(self, *_: str) -> Any:
        return {"clusterVersions": [{"clusterVersion": "1.34", "versionStatus": "STANDARD_SUPPORT"},
                                    {"clusterVersion": "1.33", "versionStatus": "EXTENDED_SUPPORT"}]}

    def aws_describe_cluster(self, *_: str) -> Any:
        found = self.things.get("clusters", [])
        return {"cluster": found[0]} if found else Done(254, "", errors="An error occurred (ResourceNotFoundException) when calling")

    def aws_list_nodegroups(self, *_: str) -> Any:
        return {"nodegroups": [one["name"] for one in self.things.get("nodegroups", [])]}

    def aws_delete_nodegroup(self, *_: str) -> Any:
        self.things["nodegroups"] = []
        return {}

    def aws_delete_cluster(self, *_: str) -> Any:
        self.things["clusters"] = []
        return {}

    def aws_delete_repository(self, *rest: str) -> Any:
        return self.remove(rest[rest.index("--repository-name") + 1])

    def aws_describe_instances(self, *_: str) -> Any:
        return {"Reservations": [{"Instances": self.things.get("instances", [])}]}

    def aws_describe_tags(self, *rest: str) -> Any:
        key = rest[1]
        found = [one for many in self.things.values() for one in many if key in one.values()]
        return {"TagDescriptions": [{"Tags": one.get("Tags", [])} for one in found]}

    def aws_list_tags_for_resource(self, *rest: str) -> Any:
        found = [one for many in self.things.values() for one in many if rest[1] in one.values()]
        return {"tags": found[0]["tags"]} if found else {}

    def aws_describe_images(self, *rest: str) -> Any:
        if "--repository-name" in rest:
            return {} if self.images else Done(254, "", errors="An error occurred (ImageNotFoundException) when calling")
        return {"Images": [{"Name": "amazon-eks-node-al2023-x86_64-standard-1.34-v20251120"}]}

    def aws_get_parameter(self, *_: str) -> Any:
        return {"Parameter": {"Value": "ami-1"}}

    # Kubernetes.

    def kubectl(self, *arguments: str) -> Any:
        what, *rest = [one for one in arguments if not one.startswith("--kubeconfig")]
        words = " ".join(rest)
        if what == "version":
            return f'{{"clientVersion": {{"gitVersion": "v{self.versions["kubectl"]}"}}}}'
        if not self.reachable or not self.things.get("clusters"):
            return Done(1, "", errors="dial tcp 10.1.0.5:443: i/o timeout")
        if what == "apply" and "kustomize/overlay" in words:
            self.controllers_make_things()
        if what == "delete" and self.controllers_live:
            if words.startswith("ingress"):
                for key in ("arn:loadbalancer/1",):
                    self.remove(key)
            if words.startswith("nodepools"):
                self.things["instances"] = []
            if words.startswith("namespace"):
                self.things["describe-volumes"] = []
        if what == "get" and words.startswith("rayservice"):
            status, message = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
            return {"items": [{"status": {"activeServiceStatus": {}, "pendingServiceStatus": {
                "applicationStatuses": {"llama2": {"status": status, "message": "", "serveDeploymentStatuses": {
                    "PunaReplica": {"status": status, "message": message}}}}}}}]}
        if what == "get" and words.startswith("secret") and self.key:
            return {"items": [{"data": {"key": base64.b64encode(self.key.encode()).decode()}}]}
        return {"items": []} if what == "get" and "json" in words else "ok"

    def controllers_make_things(self) -> None:
        if self.things.get("instances"):
            return
        self.things["instances"] = [{"InstanceId": "i-1", "State": {"Name": "running"}, "Tags": POOL, "VpcId": "vpc-1"}]
        self.things["describe-load-balancers"] = [{"LoadBalancerArn": "arn:loadbalancer/1", "VpcId": "vpc-1", "Tags": [
            {"Key": "elbv2.k8s.aws/cluster", "Value": NAME}]}]
        self.things["describe-network-interfaces"] = [
            {"NetworkInterfaceId": "eni-1", "VpcId": "vpc-1", "Description": "ELB arn:loadbalancer/1", "Status": "in-use"}]
        self.things["describe-volumes"] = [{"VolumeId": "vol-1", "State": "available", "Size": 60, "Tags": OWNED}]

    # What tests look at.

    def left(self) -> list[str]:
        return sorted(f"{name}: {one}" for name, many in self.things.items() for one in many if not one.get("going"))


def make_place(folder: pathlib.Path, root: pathlib.Path) -> Place:
    """A checkout of which only what install.sh reads is there."""
    terraform = folder / "deploy/terraform"
    terraform.mkdir(parents=True)
    (folder / "deploy/kubernetes").symlink_to(root / "deploy/kubernetes")
    return Place(terraform)

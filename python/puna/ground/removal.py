"""Removes what findings.py finds, with waits that end."""

import json
import re
import time
from collections.abc import Iterable

from .aws import Aws, AwsError
from .commands import Commands
from .findings import BY_CONTROLLERS, EVERYTHING, Finder, Found, Ours, existing, rules_naming, volumes

WAIT_S = 600.0
LOOK_S = 5.0
SIMPLE = {
    "load balancer": ("elbv2", "delete-load-balancer", "--load-balancer-arn"),
    "classic load balancer": ("elb", "delete-load-balancer", "--load-balancer-name"),
    "target group": ("elbv2", "delete-target-group", "--target-group-arn"),
    "instance": ("ec2", "terminate-instances", "--instance-ids"),
    "launch template": ("ec2", "delete-launch-template", "--launch-template-id"),
    "network interface": ("ec2", "delete-network-interface", "--network-interface-id"),
    "security group": ("ec2", "delete-security-group", "--group-id"),
    "volume": ("ec2", "delete-volume", "--volume-id"),
    "EKS cluster": ("eks", "delete-cluster", "--name"),
    "NAT gateway": ("ec2", "delete-nat-gateway", "--nat-gateway-id"),
    "VPC endpoint": ("ec2", "delete-vpc-endpoints", "--vpc-endpoint-ids"),
    "elastic address": ("ec2", "release-address", "--allocation-id"),
    "subnet": ("ec2", "delete-subnet", "--subnet-id"),
    "VPC": ("ec2", "delete-vpc", "--vpc-id"),
    "IAM policy": ("iam", "delete-policy", "--policy-arn"),
    "queue": ("sqs", "delete-queue", "--queue-url"),
    "log group": ("logs", "delete-log-group", "--log-group-name"),
    "bucket": ("s3api", "delete-bucket", "--bucket"),
}
# Gone only some time after they were told to go, and in the way of others until then.
SLOW = {"instance", "node group", "EKS cluster", "NAT gateway", "load balancer", "classic load balancer"}
# Refusals that end when something else is gone.
IN_USE = re.compile(r"DependencyViolation|InUse|in use|has dependencies|DeleteConflict|Throttling|RequestLimitExceeded")


class Removal:
    def __init__(self, aws: Aws, commands: Commands, ours: Ours, wait_s: float = WAIT_S, look_s: float = LOOK_S) -> None:
        self.aws, self.commands, self.ours, self.wait_s, self.look_s = aws, commands, ours, wait_s, look_s

    def sweep(self, stage: str) -> list[str]:
        """What controllers made; what stays and why. Running it again is harmless."""
        return self._all(stage, BY_CONTROLLERS)

    def sweep_volumes(self, stage: str) -> list[str]:
        """After the machines are gone that hold them."""
        return self._all(stage, [volumes])

    def everything(self, stage: str) -> list[str]:
        return self._all(stage, EVERYTHING)

    def _all(self, stage: str, finders: Iterable[Finder]) -> list[str]:
        stuck: list[str] = []
        for find in finders:
            stuck += self._one_kind(stage, find)
        return stuck

    def _one_kind(self, stage: str, find: Finder) -> list[str]:
        """Tells all of a kind to go, and waits for them as long as that may help."""
        end = time.monotonic() + self.wait_s
        told: set[str] = set()
        why: dict[str, str] = {}
        hopeless: dict[str, str] = {}
        looked = False
        while True:
            left = [one for one in find(self.aws, self.ours) if one.id not in hopeless]
            for one in left:
                if one.id in told and one.kind in SLOW or one.words.startswith("ELB "):
                    continue  # on its way; a balancer takes its interfaces along
                if one.id not in told:
                    self.commands.say(f"    remove {one}")
                told.add(one.id)
                try:
                    self._remove(stage, one)
                except AwsError as error:
                    (why if IN_USE.search(str(error)) else hopeless)[one.id] = f"{one}: {error}"
            left = [one for one in left if one.id not in hopeless]
            if not left or self.commands.dry_run:
                return list(hopeless.values())
            if time.monotonic() > end:
                return [*hopeless.values(), *(why.get(one.id, f"{one}: still there after {self.wait_s:.0f} s")
                                              for one in left)]
            if looked:
                self.commands.pause(min(self.look_s, self.wait_s / 10))
            looked = True

    def _remove(self, stage: str, one: Found) -> None:
        def change(*arguments: str) -> None:
            self.aws.change(stage, *arguments)

        if one.kind == "security group":
            for permission, group in rules_naming(self.aws, self.ours, one.id):
                change("ec2", "revoke-security-group-ingress", "--group-id", group, "--ip-permissions", json.dumps([permission]))
        if one.kind in SIMPLE:
            service, operation, option = SIMPLE[one.kind]
            change(service, operation, option, one.id)
        elif one.kind == "node group":
            change("eks", "delete-nodegroup", "--cluster-name", one.more[0], "--nodegroup-name", one.id)
        elif one.kind == "route table":
            table = existing(self.aws, "ec2", "describe-route-tables", "--route-table-ids", one.id)
            for each in (table.get("RouteTables") or [{}])[0].get("Associations", []):
                if not each.get("Main"):
                    change("ec2", "disassociate-route-table", "--association-id", each["RouteTableAssociationId"])
            change("ec2", "delete-route-table", "--route-table-id", one.id)
        elif one.kind == "internet gateway":
            gateway = existing(self.aws, "ec2", "describe-internet-gateways", "--internet-gateway-ids", one.id)
            for each in (gateway.get("InternetGateways") or [{}])[0].get("Attachments", []):
                change("ec2", "detach-internet-gateway", "--internet-gateway-id", one.id, "--vpc-id", each["VpcId"])
            change("ec2", "delete-internet-gateway", "--internet-gateway-id", one.id)
        elif one.kind == "instance profile":
            for role in one.more:
                change("iam", "remove-role-from-instance-profile", "--instance-profile-name", one.id, "--role-name", role)
            change("iam", "delete-instance-profile", "--instance-profile-name", one.id)
        elif one.kind == "IAM role":
            attached = existing(self.aws, "iam", "list-attached-role-policies", "--role-name", one.id)
            for each in attached.get("AttachedPolicies") or []:
                change("iam", "detach-role-policy", "--role-name", one.id, "--policy-arn", each["PolicyArn"])
            change("iam", "delete-role", "--role-name", one.id)
        elif one.kind == "event rule":
            if one.more:
                change("events", "remove-targets", "--rule", one.id, "--ids", *one.more)
            change("events", "delete-rule", "--name", one.id)
        elif one.kind == "image repository":
            change("ecr", "delete-repository", "--repository-name", one.id, "--force")
        elif one.kind == "KMS key":
            change("kms", "schedule-key-deletion", "--key-id", one.id, "--pending-window-in-days", "7")
        else:
            raise AssertionError(one.kind)

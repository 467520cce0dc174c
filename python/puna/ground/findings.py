"""What is ours in AWS, by tags and by the cluster's name: the proof that nothing is left, and what to remove.

Nothing is ours that has neither our tag nor the cluster's, whatever it is called.
"""

import concurrent.futures
import dataclasses
from collections.abc import Callable, Iterable
from typing import Any

from .aws import Aws, AwsError

Json = dict[str, Any]
ASKED_AT_ONCE = 8


@dataclasses.dataclass(frozen=True)
class Found:
    kind: str
    id: str
    words: str = ""
    more: tuple[str, ...] = ()  # what a removal needs beside the id

    def __str__(self) -> str:
        return f"{self.kind} {self.id}{f' ({self.words})' if self.words else ''}"


@dataclasses.dataclass(frozen=True)
class Ours:
    name: str

    def tagged(self, tags: dict[str, str]) -> bool:
        return tags.get("puna-ground") == self.name or self.made_by_controllers(tags)

    def made_by_controllers(self, tags: dict[str, str]) -> bool:
        cluster = f"kubernetes.io/cluster/{self.name}"
        return tags.get(cluster) == "owned" or self.name in (
            tags.get("elbv2.k8s.aws/cluster"), tags.get("karpenter.k8s.aws/cluster"), tags.get("aws:eks:cluster-name"),
            tags.get("eks:eks-cluster-name"), tags.get("cluster.k8s.amazonaws.com/name"))

    def made_by_karpenter(self, tags: dict[str, str]) -> bool:
        return "karpenter.sh/nodepool" in tags and self.tagged(tags)


def tags_of(one: Json, field: str = "Tags") -> dict[str, str]:
    found = one.get(field) or []
    if isinstance(found, dict):
        return found
    return {each.get("Key", each.get("key", "")): each.get("Value", each.get("value", "")) for each in found}


def name_of(tags: dict[str, str]) -> str:
    return tags.get("Name", "")


def ec2(aws: Aws, operation: str, field: str, *arguments: str) -> list[Json]:
    return list(aws.json("ec2", operation, *arguments).get(field) or [])


def vpcs(aws: Aws, ours: Ours) -> list[str]:
    return [one["VpcId"] for one in ec2(aws, "describe-vpcs", "Vpcs") if tags_of(one).get("puna-ground") == ours.name]


def with_id(kind: str, operation: str, field: str, key: str) -> Callable[[Aws, Ours], list[Found]]:
    """A kind of EC2 that has an id and tags, and is over when its state says so."""
    def find(aws: Aws, ours: Ours) -> list[Found]:
        return [Found(kind, one[key], name_of(tags_of(one))) for one in ec2(aws, operation, field)
                if ours.tagged(tags_of(one)) and str(one.get("State")) not in ("deleted", "deleting", "terminated")]
    return find


def instances(aws: Aws, ours: Ours) -> list[Found]:
    found = []
    for group in ec2(aws, "describe-instances", "Reservations"):
        for one in group["Instances"]:
            if ours.tagged(tags_of(one)) and one["State"]["Name"] not in ("terminated", "shutting-down"):
                found.append(Found("instance", one["InstanceId"], one.get("InstanceType", ""),
                                   ("karpenter",) if ours.made_by_karpenter(tags_of(one)) else ()))
    return found


def karpenter_instances(aws: Aws, ours: Ours) -> list[Found]:
    return [one for one in instances(aws, ours) if one.more]


def load_balancers(aws: Aws, ours: Ours) -> list[Found]:
    return elbv2(aws, ours, "load balancer", "describe-load-balancers", "LoadBalancers", "LoadBalancerArn",
                 "LoadBalancerName")


def target_groups(aws: Aws, ours: Ours) -> list[Found]:
    return elbv2(aws, ours, "target group", "describe-target-groups", "TargetGroups", "TargetGroupArn", "TargetGroupName")


def elbv2(aws: Aws, ours: Ours, kind: str, operation: str, field: str, arn: str, name: str) -> list[Found]:
    found = []
    for one in aws.json("elbv2", operation).get(field) or []:
        answer = aws.json("elbv2", "describe-tags", "--resource-arns", one[arn])
        if any(ours.tagged(tags_of(each)) for each in answer.get("TagDescriptions", [])):
            found.append(Found(kind, one[arn], one.get(name, "")))
    return found


def classic_load_balancers(aws: Aws, ours: Ours) -> list[Found]:
    found = []
    for one in aws.json("elb", "describe-load-balancers").get("LoadBalancerDescriptions") or []:
        name = one["LoadBalancerName"]
        answer = aws.json("elb", "describe-tags", "--load-balancer-names", name)
        if any(ours.tagged(tags_of(each)) for each in answer.get("TagDescriptions", [])):
            found.append(Found("classic load balancer", name))
    return found


def interfaces(aws: Aws, ours: Ours) -> list[Found]:
    """Those in our VPC that the CNI or a balancer, which is gone, leaves behind; not those of a balancer that is there."""
    own = vpcs(aws, ours)
    there = {f"ELB {one['LoadBalancerArn'].partition(':loadbalancer/')[2]}"
             for one in aws.json("elbv2", "describe-load-balancers").get("LoadBalancers") or []} if own else set()
    return [Found("network interface", one["NetworkInterfaceId"], one.get("Description", ""), (str(one.get("Status")),))
            for one in ec2(aws, "describe-network-interfaces", "NetworkInterfaces")
            if one.get("VpcId") in own and str(one.get("Description", "")).startswith(("aws-K8S-", "ELB "))
            and one.get("Description") not in there or ours.made_by_controllers(tags_of(one, "TagSet"))]


def security_groups(aws: Aws, ours: Ours) -> list[Found]:
    return [Found("security group", one["GroupId"], one.get("GroupName", ""))
            for one in ec2(aws, "describe-security-groups", "SecurityGroups")
            if one.get("GroupName") != "default" and ours.tagged(tags_of(one))]


def controllers_security_groups(aws: Aws, ours: Ours) -> list[Found]:
    """Not the cluster's own, which EKS takes with the cluster."""
    return [Found("security group", one["GroupId"], one.get("GroupName", ""))
            for one in ec2(aws, "describe-security-groups", "SecurityGroups")
            if ours.made_by_controllers(tags_of(one)) and "puna-ground" not in tags_of(one)
            and not str(one.get("GroupName", "")).startswith("eks-cluster-sg-")]


def rules_naming(aws: Aws, ours: Ours, group: str) -> list[tuple[Json, str]]:
    """Rules of other groups of ours that let this one in, and hold it: (what to revoke, of which group)."""
    found = []
    for one in ec2(aws, "describe-security-groups", "SecurityGroups"):
        if one["GroupId"] == group or not ours.tagged(tags_of(one)):
            continue
        for each in one.get("IpPermissions") or []:
            if any(pair.get("GroupId") == group for pair in each.get("UserIdGroupPairs") or []):
                kept = {name: each[name] for name in ("IpProtocol", "FromPort", "ToPort") if name in each}
                found.append(({**kept, "UserIdGroupPairs": [{"GroupId": group}]}, one["GroupId"]))
    return found


def karpenter_templates(aws: Aws, ours: Ours) -> list[Found]:
    return [Found("launch template", one["LaunchTemplateId"], one.get("LaunchTemplateName", ""))
            for one in ec2(aws, "describe-launch-templates", "LaunchTemplates")
            if ours.made_by_controllers(tags_of(one)) and "puna-ground" not in tags_of(one)]


def volumes(aws: Aws, ours: Ours) -> list[Found]:
    return [Found("volume", one["VolumeId"], f"{one.get('Size')} GiB, {one.get('State')}")
            for one in ec2(aws, "describe-volumes", "Volumes") if ours.tagged(tags_of(one))]


def clusters(aws: Aws, ours: Ours) -> list[Found]:
    try:
        one = aws.json("eks", "describe-cluster", "--name", ours.name)["cluster"]
    except AwsError as error:
        if error.is_gone:
            return []
        raise
    return [Found("EKS cluster", ours.name, one.get("status", ""))] if ours.tagged(tags_of(one, "tags")) else []


def node_groups(aws: Aws, ours: Ours) -> list[Found]:
    if not clusters(aws, ours):
        return []
    names = aws.json("eks", "list-nodegroups", "--cluster-name", ours.name).get("nodegroups") or []
    return [Found("node group", name, more=(ours.name,)) for name in names]


def role_names(ours: Ours) -> list[str]:
    return [f"{ours.name}-cluster", f"{ours.name}-nodes", f"{ours.name}-karpenter", f"karpenter-{ours.name}",
            f"{ours.name}-ebs-csi", f"{ours.name}-load-balancer", f"{ours.name}-models"]


def existing(aws: Aws, *arguments: str) -> Json:
    try:
        answer: Json = aws.json(*arguments)
    except AwsError as error:
        if error.is_gone:
            return {}
        raise
    return answer


def roles(aws: Aws, ours: Ours) -> list[Found]:
    """IAM cannot be asked for tags: those that are ours by name, and whatever else has the name in its own."""
    listed = [one["RoleName"] for one in aws.json("iam", "list-roles").get("Roles") or []]
    names = dict.fromkeys([*role_names(ours), *(one for one in listed if ours.name in one)])
    return [Found("IAM role", name) for name in names
            if ours.tagged(tags_of(existing(aws, "iam", "get-role", "--role-name", name).get("Role", {})))]


def profiles(aws: Aws, ours: Ours) -> list[Found]:
    found = []
    for name in role_names(ours):
        one = existing(aws, "iam", "get-instance-profile", "--instance-profile-name", name).get("InstanceProfile", {})
        if ours.tagged(tags_of(one)):
            found.append(Found("instance profile", name, more=tuple(role["RoleName"] for role in one.get("Roles", []))))
    return found


def policies(aws: Aws, ours: Ours) -> list[Found]:
    found = []
    for one in aws.json("iam", "list-policies", "--scope", "Local").get("Policies") or []:
        if one["PolicyName"] in role_names(ours):
            tags = aws.json("iam", "list-policy-tags", "--policy-arn", one["Arn"])
            if ours.tagged(tags_of(tags)):
                found.append(Found("IAM policy", one["Arn"]))
    return found


def queues(aws: Aws, ours: Ours) -> list[Found]:
    url = existing(aws, "sqs", "get-queue-url", "--queue-name", f"karpenter-{ours.name}").get("QueueUrl", "")
    if url and ours.tagged(tags_of(existing(aws, "sqs", "list-queue-tags", "--queue-url", url))):
        return [Found("queue", url)]
    return []


def event_rules(aws: Aws, ours: Ours) -> list[Found]:
    found = []
    for one in aws.json("events", "list-rules", "--name-prefix", f"karpenter-{ours.name}-").get("Rules") or []:
        tags = aws.json("events", "list-tags-for-resource", "--resource-arn", one["Arn"])
        if ours.tagged(tags_of(tags)):
            targets = aws.json("events", "list-targets-by-rule", "--rule", one["Name"]).get("Targets") or []
            found.append(Found("event rule", one["Name"], more=tuple(each["Id"] for each in targets)))
    return found


def repositories(aws: Aws, ours: Ours) -> list[Found]:
    found = []
    for one in aws.json("ecr", "describe-repositories").get("repositories") or []:
        if one["repositoryName"].startswith(f"{ours.name}/"):
            tags = aws.json("ecr", "list-tags-for-resource", "--resource-arn", one["repositoryArn"])
            if ours.tagged(tags_of(tags, "tags")):
                found.append(Found("image repository", one["repositoryName"]))
    return found


def log_groups(aws: Aws, ours: Ours) -> list[Found]:
    """The one of this name: EKS may write it again, without tags, after the cluster is gone."""
    wanted = f"/aws/eks/{ours.name}/cluster"
    answer = aws.json("logs", "describe-log-groups", "--log-group-name-prefix", wanted)
    return [Found("log group", wanted) for one in answer.get("logGroups") or [] if one["logGroupName"] == wanted]


def keys(aws: Aws, ours: Ours) -> list[Found]:
    """Those that are not waiting for their deletion already."""
    found = []
    for one in aws.json("kms", "list-keys").get("Keys") or []:
        about = existing(aws, "kms", "describe-key", "--key-id", one["KeyId"]).get("KeyMetadata", {})
        if about.get("KeyManager", "CUSTOMER") == "CUSTOMER" and about.get("KeyState") != "PendingDeletion":
            tags = aws.json("kms", "list-resource-tags", "--key-id", one["KeyId"]).get("Tags") or []
            if {"TagKey": "puna-ground", "TagValue": ours.name} in tags:
                found.append(Found("KMS key", one["KeyId"], about.get("Description", "")))
    return found


def buckets(aws: Aws, ours: Ours) -> list[Found]:
    found = []
    for one in aws.json("s3api", "list-buckets").get("Buckets") or []:
        if one["Name"].startswith(f"{ours.name}-models-"):
            tags = existing(aws, "s3api", "get-bucket-tagging", "--bucket", one["Name"])
            if ours.tagged(tags_of(tags, "TagSet")):
                found.append(Found("bucket", one["Name"], "models"))
    return found


Finder = Callable[[Aws, Ours], Iterable[Found]]
# What controllers of the cluster make, in the order in which it can go.
BY_CONTROLLERS: list[Finder] = [load_balancers, classic_load_balancers, target_groups, karpenter_instances,
                                karpenter_templates, interfaces, controllers_security_groups]
# Everything, in the order in which it can go.
EVERYTHING: list[Finder] = [
    *BY_CONTROLLERS[:4], node_groups, instances, karpenter_templates, clusters, volumes,
    with_id("NAT gateway", "describe-nat-gateways", "NatGateways", "NatGatewayId"),
    with_id("VPC endpoint", "describe-vpc-endpoints", "VpcEndpoints", "VpcEndpointId"), interfaces,
    with_id("elastic address", "describe-addresses", "Addresses", "AllocationId"),
    with_id("route table", "describe-route-tables", "RouteTables", "RouteTableId"),
    with_id("subnet", "describe-subnets", "Subnets", "SubnetId"),
    with_id("internet gateway", "describe-internet-gateways", "InternetGateways", "InternetGatewayId"),
    security_groups, with_id("VPC", "describe-vpcs", "Vpcs", "VpcId"),
    with_id("launch template", "describe-launch-templates", "LaunchTemplates", "LaunchTemplateId"),
    profiles, roles, policies, queues, event_rules, repositories, log_groups, keys, buckets]


def everything(aws: Aws, ours: Ours) -> list[Found]:
    """All kinds are asked for at once: the AWS CLI takes a second to start."""
    pool = concurrent.futures.ThreadPoolExecutor(ASKED_AT_ONCE)
    try:
        found = list(pool.map(lambda find: list(find(aws, ours)), EVERYTHING))
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return list(dict.fromkeys(one for many in found for one in many))

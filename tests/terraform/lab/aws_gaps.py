"""What MiniStack does not know, forgets, or allows where AWS refuses. on_ACTION answers in its place or changes the
call; fix_ACTION mends its answer. test_double.py holds each of them."""

import ipaddress
import itertools
import json
import re
import threading
import urllib.parse
from collections.abc import Callable
from typing import Any

NAMESPACE = 'xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"'
ZONES = {"us-west-2": "usw2-az1 usw2-az2 usw2-az3 usw2-az4", "us-east-2": "use2-az1 use2-az2 use2-az3",
         "us-east-1": "use1-az1 use1-az2 use1-az3 use1-az4 use1-az5 use1-az6"}
INF2_ZONES = {"usw2-az1", "usw2-az4", "use1-az5", "use1-az6", "use2-az1", "use2-az3"}
VERSIONS = {"1.35": "STANDARD_SUPPORT", "1.34": "STANDARD_SUPPORT", "1.33": "EXTENDED_SUPPORT"}
QUOTA_VCPUS = 768.0
IMAGE, IMAGE_NAME = "ami-0e500000000000001", "amazon-eks-node-al2023-x86_64-standard-1.34-v20251120"
# What this front remembers for MiniStack.
CIDRS: dict[str, tuple[str, str]] = {}
GROUPS: dict[str, dict[str, Any]] = {}
BALANCERS: dict[str, str] = {}
CLUSTER_GROUPS: dict[str, str] = {}
MEMORY, NUMBER = threading.Lock(), itertools.count(1)


class Gaps:
    """A part of the front's handler (aws_double.py)."""

    endpoint = ca = ""
    form: dict[str, str]
    body: bytes
    region: str
    url: Any
    path: str
    headers: Any
    xml: Callable[..., bool]
    json: Callable[..., bool]
    refuse: Callable[..., bool]
    forward: Callable[..., Any]

    def ec2(self, **form: str) -> str:
        """An own call of MiniStack's EC2 in the caller's region."""
        headers = {name: value for name, value in self.headers.items() if name.lower() not in ("content-type", "x-amz-target")}
        headers["Authorization"] = re.sub(r"/[\w-]+/[\w-]+/aws4_request", f"/{self.region}/ec2/aws4_request",
                                          headers.get("Authorization", ""))
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        body = urllib.parse.urlencode({"Version": "2016-11-15", **form}).encode()
        return str(self.forward(body, "/", "POST", headers)[1].decode())

    def ec2_answer(self, action: str, inside: str) -> bool:
        return self.xml(f"<{action}Response {NAMESPACE}>{inside}</{action}Response>")

    # --- a second range of a VPC

    def on_AssociateVpcCidrBlock(self) -> bool:
        key = f"vpc-cidr-assoc-{next(NUMBER):017x}"
        CIDRS[key] = (self.form["VpcId"], self.form["CidrBlock"])
        return self.ec2_answer("AssociateVpcCidrBlock", f"<vpcId>{CIDRS[key][0]}</vpcId>{cidr_item(key, 'cidrBlockAssociation')}")

    def on_DisassociateVpcCidrBlock(self) -> bool:
        key = self.form["AssociationId"]
        if key not in CIDRS:
            return self.refuse("InvalidVpcCidrBlockAssociationID.NotFound", key)
        item = cidr_item(key, "cidrBlockAssociation")
        return self.ec2_answer("DisassociateVpcCidrBlock", f"<vpcId>{CIDRS.pop(key)[0]}</vpcId>{item}")

    def fix_DescribeVpcs(self, text: str) -> str:
        for key, (vpc, _) in CIDRS.items():
            text = re.sub(rf"(<vpcId>{vpc}</vpcId>(?:(?!<vpcId>).)*?)</cidrBlockAssociationSet>",
                          lambda found, key=key: f"{found[1]}{cidr_item(key, 'item')}</cidrBlockAssociationSet>", text, flags=re.S)
        return text

    # --- zones and subnets: three zones in every region, and no check of ranges

    def zones(self) -> dict[str, str]:
        return {self.region + letter: zone for letter, zone in zip("abcdef", ZONES.get(self.region, "").split())}

    def on_DescribeAvailabilityZones(self) -> bool:
        rows = "".join(f"<item><zoneName>{name}</zoneName><zoneId>{zone}</zoneId><zoneState>available</zoneState><regionName>"
                       f"{self.region}</regionName><zoneType>availability-zone</zoneType></item>"
                       for name, zone in self.zones().items())
        return self.ec2_answer("DescribeAvailabilityZones", f"<availabilityZoneInfo>{rows}</availabilityZoneInfo>")

    def on_CreateSubnet(self) -> bool:
        vpc, zone = self.form["VpcId"], self.form.pop("AvailabilityZoneId", "")
        net = ipaddress.ip_network(self.form["CidrBlock"])
        ranges = re.findall(r"<cidrBlock>([^<]+)<", self.ec2(Action="DescribeVpcs", **{"VpcId.1": vpc}))
        ranges += [cidr for owner, cidr in CIDRS.values() if owner == vpc]
        if not any(net.subnet_of(ipaddress.ip_network(one)) for one in ranges):
            return self.refuse("InvalidSubnet.Range", f"The CIDR '{net}' is invalid.")
        for part in self.ec2(Action="DescribeSubnets").split("<subnetId>")[1:]:
            taken = re.search(r"<cidrBlock>([^<]+)<", part)
            if f"<vpcId>{vpc}</vpcId>" in part and taken and net.overlaps(ipaddress.ip_network(taken[1])):
                return self.refuse("InvalidSubnet.Conflict", f"The CIDR '{net}' conflicts with another subnet")
        names = [name for name, one in self.zones().items() if one == zone]
        if zone and not names:
            return self.refuse("InvalidParameterValue", f"Value ({zone}) for parameter availabilityZoneId is invalid.")
        self.body = urllib.parse.urlencode({**self.form, **({"AvailabilityZone": names[0]} if zone else {})}).encode()
        return False

    def on_DescribeInstanceTypeOfferings(self) -> bool:
        types = [value for name, value in self.form.items() if re.match(r"Filter\.\d+\.Value", name) and "." in value]
        by_id = self.form.get("LocationType") == "availability-zone-id"
        rows = "".join(f"<item><instanceType>{one}</instanceType><location>{zone if by_id else name}</location></item>"
                       for one in types for name, zone in self.zones().items() if not one.startswith("inf2") or zone in INF2_ZONES)
        return self.ec2_answer("DescribeInstanceTypeOfferings", f"<instanceTypeOfferingSet>{rows}</instanceTypeOfferingSet>")

    # --- machines' images

    def on_GetParameter(self) -> bool:
        if self.form or "/aws/service/eks/optimized-ami/" not in self.body.decode():
            return False
        name = json.loads(self.body)["Name"]
        return self.json({"Parameter": {"Name": name, "Type": "String", "Value": IMAGE, "Version": 1}})

    def on_DescribeImages(self) -> bool:
        if self.form.get("ImageId.1") != IMAGE:
            return False
        item = f"<item><imageId>{IMAGE}</imageId><name>{IMAGE_NAME}</name></item>"
        return self.ec2_answer("DescribeImages", f"<imagesSet>{item}</imagesSet>")

    def on_GetServiceQuota(self) -> bool:
        return self.json({"Quota": {"ServiceCode": "ec2", "QuotaCode": json.loads(self.body)["QuotaCode"], "Value": QUOTA_VCPUS}})

    # --- EKS

    def on_CreateCluster(self) -> bool:
        """EKS makes a security group for nodes and control plane, and takes it with the cluster."""
        name = json.loads(self.body)["name"]
        subnet = json.loads(self.body)["resourcesVpcConfig"]["subnetIds"][0]
        vpc = re.search(r"<vpcId>(vpc-\w+)<", self.ec2(Action="DescribeSubnets", **{"SubnetId.1": subnet}))
        if not vpc:
            return self.refuse("InvalidParameterException", f"The subnet ID '{subnet}' does not exist")
        if name not in CLUSTER_GROUPS:
            made = self.ec2(Action="CreateSecurityGroup", GroupName=f"eks-cluster-sg-{name}-1", VpcId=vpc[1],
                            GroupDescription="EKS created security group")
            CLUSTER_GROUPS[name] = re.search(r"<groupId>(sg-\w+)<", made)[1]  # type: ignore[index]
            self.ec2(Action="CreateTags", **{"ResourceId.1": CLUSTER_GROUPS[name], "Tag.1.Key": f"kubernetes.io/cluster/{name}",
                                             "Tag.1.Value": "owned"})
        return False

    def fix_CreateCluster(self, text: str) -> str:
        answer = json.loads(re.sub(r'"http://[^"/]+/oidc/id/', f'"https://oidc.eks.{self.region}.amazonaws.com/id/', text))
        cluster = answer["cluster"]
        cluster["resourcesVpcConfig"]["clusterSecurityGroupId"] = CLUSTER_GROUPS.get(cluster["name"], "")
        if self.endpoint:
            cluster.update(endpoint=self.endpoint, certificateAuthority={"data": self.ca})
        return json.dumps(answer)

    fix_DescribeCluster = fix_CreateCluster

    def on_DeleteCluster(self) -> bool:
        """Add-ons go with their cluster."""
        def names(what: str) -> list[str]:
            found = self.forward(b"", f"{self.url.path}/{what}", "GET")[1]
            return list(next(iter(json.loads(found or b"{}").values()), None) or []) if found.startswith(b"{") else []

        if not names("node-groups"):
            for one in names("addons"):
                self.forward(b"", f"{self.url.path}/addons/{one}", "DELETE")
        return False

    def fix_DeleteCluster(self, text: str) -> str:
        group = CLUSTER_GROUPS.pop(self.url.path.rpartition("/")[2], "")
        if group:
            self.ec2(Action="DeleteSecurityGroup", GroupId=group)
        return text

    def fix_CreateNodegroup(self, text: str) -> str:
        sent = json.loads(self.body)
        self.path = f"{self.url.path}/{sent['nodegroupName']}"
        GROUPS[self.path] = {name: sent[name] for name in ("launchTemplate", "updateConfig", "tags") if name in sent}
        return self.fix_DescribeNodegroup(text)

    def fix_DescribeNodegroup(self, text: str) -> str:
        answer = json.loads(text)
        answer["nodegroup"].update(GROUPS.get(self.path, {}))
        return json.dumps(answer)

    def on_DescribeClusterVersions(self) -> bool:
        return self.json({"clusterVersions": [{"clusterVersion": version, "clusterType": "eks", "defaultVersion": version == "1.34",
                                               "versionStatus": status} for version, status in VERSIONS.items()]})

    # --- what AWS refuses, and interfaces of load balancers

    def interfaces(self, tag: str, value: str) -> list[str]:
        """MiniStack ignores the filters of this question."""
        parts = re.split(r"(?=<networkInterfaceId>eni-)", self.ec2(Action="DescribeNetworkInterfaces"))[1:]
        return [re.match(r"<networkInterfaceId>(eni-\w+)", one)[1] for one in parts  # type: ignore[index]
                if f"<{tag}>{value}</{tag}>" in one]

    def in_use(self, tag: str, what: str) -> bool:
        held = self.interfaces(tag, what)
        return bool(held) and self.refuse(
            "DependencyViolation", f"The resource '{what}' has dependencies and cannot be deleted. ({', '.join(held)})")

    def on_DeleteSubnet(self) -> bool:
        return self.in_use("subnetId", self.form["SubnetId"])

    def on_DeleteSecurityGroup(self) -> bool:
        if "GroupId" not in self.form:
            return False
        group = self.form["GroupId"]
        others = re.split(r"(?=<ownerId>)", self.ec2(Action="DescribeSecurityGroups"))
        held = [one for one in others if re.search(rf"<groups>.*?<groupId>{group}</groupId>", one, re.S)
                and not re.match(rf"(?:(?!<groups>).)*?<groupId>{group}</groupId>", one, re.S)]
        if held:
            return self.refuse("DependencyViolation", f"resource {group} has a dependent object")
        return self.in_use("groupId", group)

    def on_DetachInternetGateway(self) -> bool:
        return self.in_use("vpcId", self.form["VpcId"])

    def on_DeleteVpc(self) -> bool:
        groups = self.ec2(Action="DescribeSecurityGroups").split("<ownerId>")[1:]
        held = [one for one in groups if f"<vpcId>{self.form['VpcId']}</vpcId>" in one and "<groupName>default<" not in one]
        return bool(held) and self.refuse("DependencyViolation",
                                          f"The vpc '{self.form['VpcId']}' has dependencies and cannot be deleted.")

    def fix_CreateLoadBalancer(self, text: str) -> str:
        found = re.search(r"arn:[^<]+:loadbalancer/([^<]+)", text)
        for name, subnet in self.form.items():
            if found and re.match(r"Subnets\.member\.\d+$|SubnetMappings\.member\.\d+\.SubnetId$", name):
                made = self.ec2(Action="CreateNetworkInterface", SubnetId=subnet, Description=f"ELB {found[1]}")
                vpc = re.search(r"<vpcId>(vpc-\w+)<", made)
                with MEMORY:
                    BALANCERS[found[0]] = vpc[1] if vpc else ""
        return self.fix_DescribeLoadBalancers(text)

    def fix_DescribeLoadBalancers(self, text: str) -> str:
        for arn, vpc in list(BALANCERS.items()):
            text = re.sub(rf"(<LoadBalancerArn>{re.escape(arn)}</LoadBalancerArn>(?:(?!<LoadBalancerArn>).)*?<VpcId>)[^<]*",
                          rf"\g<1>{vpc}", text, flags=re.S)
        return text

    def fix_DeleteLoadBalancer(self, text: str) -> str:
        ending = self.form.get("LoadBalancerArn", "").partition(":loadbalancer/")[2]
        for one in self.interfaces("description", f"ELB {ending}"):
            self.ec2(Action="DeleteNetworkInterface", NetworkInterfaceId=one)
        return text


def forget() -> None:
    for memory in (CIDRS, GROUPS, BALANCERS, CLUSTER_GROUPS):
        memory.clear()


def cidr_item(key: str, tag: str) -> str:
    return (f"<{tag}><associationId>{key}</associationId><cidrBlock>{CIDRS[key][1]}</cidrBlock><cidrBlockState><state>associated"
            f"</state></cidrBlockState></{tag}>")

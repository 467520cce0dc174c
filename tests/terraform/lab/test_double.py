"""The hand-made parts of the doubles by themselves: each refusal and answer that MiniStack lacks, and the schema."""

import json

import pytest
from provider_schema import SCHEMA


@pytest.fixture
def aws(lab):
    lab.empty_aws()

    def ask(*arguments: str) -> tuple[str, str]:
        done = lab.run("aws", *arguments, "--output", "json", check=False)
        return done.stdout, done.stderr
    return ask


@pytest.fixture
def vpc(aws):
    return json.loads(aws("ec2", "create-vpc", "--cidr-block", "10.1.0.0/21")[0])["Vpc"]["VpcId"]


def test_the_schema_knows_blocks_attributes_and_what_aws_decides():
    cluster = json.loads(SCHEMA.read_text())["resource_schemas"]["aws_eks_cluster"]["block"]
    assert cluster["attributes"]["name"] == {"type": "string", "required": True}
    assert cluster["attributes"]["arn"] == {"type": "string", "computed": True}
    assert cluster["block_types"]["vpc_config"]["max_items"] == 1 and cluster["block_types"]["vpc_config"]["min_items"] == 1
    assert cluster["block_types"]["vpc_config"]["block"]["attributes"]["subnet_ids"]["type"] == ["set", "string"]


def test_subnets_lie_in_the_vpc_and_do_not_overlap(aws, vpc):
    make = ("ec2", "create-subnet", "--vpc-id", vpc, "--availability-zone-id", "usw2-az4", "--cidr-block")
    assert json.loads(aws(*make, "10.1.0.0/24")[0])["Subnet"]["AvailabilityZoneId"] == "usw2-az4"
    assert "InvalidSubnet.Range" in aws(*make, "10.2.0.0/24")[1]
    assert "InvalidSubnet.Conflict" in aws(*make, "10.1.0.0/25")[1]
    assert "InvalidParameterValue" in aws(*make[:-2], "use1-az1", "--cidr-block", "10.1.1.0/24")[1]
    association = json.loads(aws("ec2", "associate-vpc-cidr-block", "--vpc-id", vpc, "--cidr-block", "100.64.0.0/16")[0])
    assert "Subnet" in aws(*make, "100.64.0.0/17")[0]
    sets = json.loads(aws("ec2", "describe-vpcs", "--vpc-ids", vpc)[0])["Vpcs"][0]["CidrBlockAssociationSet"]
    assert [one["CidrBlock"] for one in sets] == ["10.1.0.0/21", "100.64.0.0/16"]
    assert association["VpcId"] == vpc


def test_what_is_in_use_cannot_be_deleted_and_a_balancer_takes_its_interfaces_along(aws, vpc):
    subnet = json.loads(aws("ec2", "create-subnet", "--vpc-id", vpc, "--cidr-block", "10.1.0.0/24")[0])["Subnet"]["SubnetId"]
    made = json.loads(aws("elbv2", "create-load-balancer", "--name", "b", "--type", "network", "--subnets", subnet)[0])
    assert made["LoadBalancers"][0]["VpcId"] == vpc
    assert "DependencyViolation" in aws("ec2", "delete-subnet", "--subnet-id", subnet)[1]
    aws("elbv2", "delete-load-balancer", "--load-balancer-arn", made["LoadBalancers"][0]["LoadBalancerArn"])
    assert aws("ec2", "delete-subnet", "--subnet-id", subnet)[1] == ""
    group = json.loads(aws("ec2", "create-security-group", "--group-name", "g", "--description", "x", "--vpc-id", vpc)[0])
    assert "DependencyViolation" in aws("ec2", "delete-vpc", "--vpc-id", vpc)[1]
    aws("ec2", "delete-security-group", "--group-id", group["GroupId"])
    assert aws("ec2", "delete-vpc", "--vpc-id", vpc)[1] == ""


def test_a_group_that_a_rule_of_another_names_cannot_be_deleted(aws, vpc):
    nodes, balancer = (json.loads(aws("ec2", "create-security-group", "--group-name", name, "--description", "x", "--vpc-id", vpc)[0])[
        "GroupId"] for name in ("nodes", "balancer"))
    rule = json.dumps([{"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "UserIdGroupPairs": [{"GroupId": balancer}]}])
    aws("ec2", "authorize-security-group-ingress", "--group-id", nodes, "--ip-permissions", rule)
    assert "DependencyViolation" in aws("ec2", "delete-security-group", "--group-id", balancer)[1]
    aws("ec2", "revoke-security-group-ingress", "--group-id", nodes, "--ip-permissions", rule)
    assert aws("ec2", "delete-security-group", "--group-id", balancer)[1] == ""
    assert aws("ec2", "delete-security-group", "--group-id", nodes)[1] == ""


def test_zones_offers_quota_versions_and_images(aws):
    zones = json.loads(aws("ec2", "describe-availability-zones")[0])["AvailabilityZones"]
    assert [one["ZoneId"] for one in zones] == ["usw2-az1", "usw2-az2", "usw2-az3", "usw2-az4"]
    offers = json.loads(aws("ec2", "describe-instance-type-offerings", "--location-type", "availability-zone-id",
                            "--filters", "Name=instance-type,Values=inf2.48xlarge")[0])["InstanceTypeOfferings"]
    assert [one["Location"] for one in offers] == ["usw2-az1", "usw2-az4"]
    quota = aws("service-quotas", "get-service-quota", "--service-code", "ec2", "--quota-code", "L-1945791B")[0]
    assert json.loads(quota)["Quota"]["Value"] == 768
    versions = json.loads(aws("eks", "describe-cluster-versions")[0])["clusterVersions"]
    assert {one["clusterVersion"]: one["versionStatus"] for one in versions}["1.33"] == "EXTENDED_SUPPORT"
    image = json.loads(aws("ssm", "get-parameter", "--name", "/aws/service/eks/optimized-ami/1.34/amazon-linux-2023/x86_64/"
                           "standard/recommended/image_id")[0])["Parameter"]["Value"]
    assert json.loads(aws("ec2", "describe-images", "--image-ids", image)[0])["Images"][0]["Name"].endswith("-v20251120")


def test_a_clusters_add_ons_go_with_it(aws, vpc):
    subnet = json.loads(aws("ec2", "create-subnet", "--vpc-id", vpc, "--cidr-block", "10.1.0.0/24")[0])["Subnet"]["SubnetId"]
    for _ in range(2):
        aws("eks", "create-cluster", "--name", "x", "--role-arn", "arn:aws:iam::000000000000:role/x",
            "--resources-vpc-config", f"subnetIds={subnet}")
        assert "coredns" in aws("eks", "create-addon", "--cluster-name", "x", "--addon-name", "coredns")[0]
        assert aws("eks", "delete-cluster", "--name", "x")[1] == ""


def test_faults_come_as_often_as_asked_and_are_in_the_log(lab, aws):
    lab.tell("fault", action="CreateVpc", code="VpcLimitExceeded", message="no more")
    assert "(VpcLimitExceeded)" in aws("ec2", "create-vpc", "--cidr-block", "10.1.0.0/21")[1]
    assert "VpcId" in aws("ec2", "create-vpc", "--cidr-block", "10.1.0.0/21")[0]
    assert [one["code"] for one in lab.calls() if one["action"] == "CreateVpc"][-2:] == ["VpcLimitExceeded", ""]


def test_no_way_leads_out_of_the_lab(lab):
    assert lab.run("ip", "route").stdout == ""
    assert [line.split()[0] for line in lab.run("ip", "-brief", "address").stdout.splitlines() if "127.0.0.1" not in line] == []

"""What is in the double of AWS at all, tagged or not: a second opinion beside cleanup.sh's own proof.

Run inside the lab it prints a JSON list; with one process for all questions it takes a second.
"""

import json
import pathlib
import sys

import boto3
import jmespath

# A question, and where its answer has what must not be there.
QUESTIONS = [
    ("ec2 describe_vpcs", "Vpcs[?!IsDefault].VpcId"), ("ec2 describe_addresses", "Addresses[].AllocationId"),
    ("ec2 describe_nat_gateways", "NatGateways[?State!='deleted'].NatGatewayId"),
    ("ec2 describe_volumes", "Volumes[].VolumeId"),
    ("ec2 describe_network_interfaces", "NetworkInterfaces[].NetworkInterfaceId"),
    ("ec2 describe_launch_templates", "LaunchTemplates[].LaunchTemplateId"),
    ("ec2 describe_security_groups", "SecurityGroups[?GroupName!='default'].GroupId"),
    ("ec2 describe_instances", "Reservations[].Instances[?State.Name!='terminated'][].InstanceId"),
    ("ec2 describe_vpc_endpoints", "VpcEndpoints[?State!='deleted'].VpcEndpointId"), ("eks list_clusters", "clusters"),
    ("elbv2 describe_load_balancers", "LoadBalancers[].LoadBalancerArn"),
    ("elbv2 describe_target_groups", "TargetGroups[].TargetGroupArn"), ("iam list_roles", "Roles[].RoleName"),
    ("iam list_instance_profiles", "InstanceProfiles[].InstanceProfileName"), ("sqs list_queues", "QueueUrls"),
    ("events list_rules", "Rules[].Name"), ("ecr describe_repositories", "repositories[].repositoryName"),
    ("logs describe_log_groups", "logGroups[].logGroupName"), ("s3 list_buckets", "Buckets[].Name")]


def leftovers(lab) -> list[str]:
    answer = lab.run(sys.executable, str(pathlib.Path(__file__)), lab.environment["AWS_REGION"])
    return json.loads(answer.stdout)


def look(region: str) -> list[str]:
    found = []
    for question, path in QUESTIONS:
        service, operation = question.split()
        answer = getattr(boto3.client(service, region_name=region), operation)()
        found += [f"{operation} {one}" for one in jmespath.search(path, answer) or []]
    found += [f"policy {one['Arn']}" for one in boto3.client("iam").list_policies(Scope="Local")["Policies"]]
    kms = boto3.client("kms", region_name=region)
    for one in kms.list_keys()["Keys"]:
        if kms.describe_key(KeyId=one["KeyId"])["KeyMetadata"]["KeyState"] != "PendingDeletion":
            found.append(f"key {one['KeyId']}")
    return found


if __name__ == "__main__":
    print(json.dumps(look(sys.argv[1])))
